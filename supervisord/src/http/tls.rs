//! HTTPS: a certificate from files, which are read anew when they change, so that a renewed one counts without a restart.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{TlsAcceptor, rustls};

use super::stamp::Stamp;

/// Where the certificate is, and what is in use of it.
#[derive(Debug)]
pub struct Tls {
    cert: PathBuf,
    key: PathBuf,
    current: Mutex<(Stamps, Arc<ServerConfig>)>,
}

type Stamps = (Option<Stamp>, Option<Stamp>);

/// Why a certificate is not used.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {cause}; check [http] tls_cert and tls_key")]
pub struct TlsError {
    path: String,
    cause: String,
}

impl Tls {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// One of the files cannot be read, or they do not fit together.
    pub fn read(cert: &Path, key: &Path) -> Result<Tls, TlsError> {
        let stamps = (Stamp::of(cert), Stamp::of(key));
        let config = Arc::new(load(cert, key)?);
        Ok(Tls {
            cert: cert.to_owned(),
            key: key.to_owned(),
            current: Mutex::new((stamps, config)),
        })
    }

    /// The certificate as it is now. One that cannot be used is said to be so, once, and the one before stays.
    fn current(&self) -> Arc<ServerConfig> {
        let stamps = (Stamp::of(&self.cert), Stamp::of(&self.key));
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if current.0 != stamps {
            current.0 = stamps;
            match load(&self.cert, &self.key) {
                Ok(config) => {
                    tracing::info!(cert = %self.cert.display(), "the certificate was read anew");
                    current.1 = Arc::new(config);
                }
                Err(error) => tracing::error!(%error, "the certificate of before stays in use"),
            }
        }
        current.1.clone()
    }

    pub(super) async fn accept<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        TlsAcceptor::from(self.current()).accept(stream).await
    }
}

fn load(cert: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let wrong = |path: &Path, cause: &dyn std::fmt::Display| TlsError {
        path: path.display().to_string(),
        cause: cause.to_string(),
    };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_file_iter(cert)
        .map_err(|error| wrong(cert, &error))?
        .collect();
    let chain = chain.map_err(|error| wrong(cert, &error))?;
    if chain.is_empty() {
        return Err(wrong(cert, &"there is no certificate in it"));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| wrong(key, &error))?;
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let mut config = builder
        .with_safe_default_protocol_versions()
        .map_err(|error: rustls::Error| wrong(cert, &error))?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .map_err(|error| wrong(key, &error))?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}
