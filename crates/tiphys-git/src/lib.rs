//! Git repositories: fetch, resolve, credentials, and reading trees without a checkout.
