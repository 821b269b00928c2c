//! A bounded cache in memory, and the joining of requests in flight.
