//! The certificate of the server: read at the start, and again whenever its files change.
//!
//! A pair that cannot be used leaves the one before in place, so that a file that is half written,
//! or a certificate that is there before its key, is nothing that a client notices.

use std::{
    fs, io,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{
        CertificateDer, PrivateKeyDer,
        pem::{self, PemObject as _},
    },
};
use thiserror::Error;
use tidings::Tls;
use tokio::time::MissedTickBehavior;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(1);

/// Why a certificate cannot be presented.
#[derive(Debug, Error)]
pub(crate) enum CertificateError {
    /// The file is not there, or not in PEM.
    #[error("cannot read {}: {error}", path.display())]
    Read { path: PathBuf, error: pem::Error },
    /// The file has no certificate in it.
    #[error("there is no certificate in {}", .0.display())]
    Empty(PathBuf),
    /// The key is that of another certificate, or of a kind that is not known.
    #[error("the certificate and the key do not go together: {0}")]
    Pair(#[from] rustls::Error),
}

/// The files of a certificate and its key.
#[derive(Debug, Clone)]
pub(super) struct Files {
    pub(super) cert: PathBuf,
    pub(super) key: PathBuf,
}

/// By what a file is known to be another one than before.
type Version = io::Result<(SystemTime, u64)>;

impl Files {
    /// Reads both.
    ///
    /// # Errors
    ///
    /// When they cannot be read, or do not go together.
    pub(super) fn load(&self) -> Result<Arc<ServerConfig>, CertificateError> {
        let unreadable = |path: &PathBuf| {
            let path = path.clone();
            move |error| CertificateError::Read { path, error }
        };
        let chain = CertificateDer::pem_file_iter(&self.cert)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(unreadable(&self.cert))?;
        if chain.is_empty() {
            return Err(CertificateError::Empty(self.cert.clone()));
        }
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(unreadable(&self.key))?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, key)?;
        Ok(Arc::new(config))
    }

    fn versions(&self) -> [Option<(SystemTime, u64)>; 2] {
        let version = |path: &PathBuf| -> Version {
            let file = fs::metadata(path)?;
            Ok((file.modified()?, file.len()))
        };
        [version(&self.cert).ok(), version(&self.key).ok()]
    }

    /// Presents what the files hold whenever they have changed, for as long as it is polled.
    pub(super) async fn renew(self, tls: Tls) {
        let mut known = self.versions();
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = self.versions();
            if now == known {
                continue;
            }
            known = now;
            match self.load() {
                Ok(config) => {
                    tls.replace(config);
                    tracing::info!(cert = %self.cert.display(), "the certificate is a new one");
                }
                Err(error) => tracing::error!(
                    %error,
                    "the new certificate cannot be used, and the one before is kept"
                ),
            }
        }
    }
}
