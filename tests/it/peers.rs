//! What stands on the other side of a mail server: name servers, filters and other mail servers, played by the tests.

pub(crate) mod filter;
pub(crate) mod https_host;
pub(crate) mod name_server;
pub(crate) mod receiver;
