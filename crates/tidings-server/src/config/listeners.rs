//! The settings of the listeners beside where they are: what is kept off the public ones, and TLS.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::listen::Listen;

/// What is kept off the addresses where clients connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct InternalConfig {
    /// Where it is served instead.
    pub(crate) listen: Option<Listen>,
}

/// The certificate that the server presents where clients connect.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TlsConfig {
    /// The file with the certificate and those that lead from it to one that is trusted.
    pub(crate) cert: Option<PathBuf>,
    /// The file with its private key.
    pub(crate) key: Option<PathBuf>,
}

impl TlsConfig {
    /// Both files, if the server speaks TLS.
    pub(crate) fn files(&self) -> Option<(&PathBuf, &PathBuf)> {
        self.cert.as_ref().zip(self.key.as_ref())
    }
}
