//! Serves the API to users: command line, scripts, CI and the web page.
