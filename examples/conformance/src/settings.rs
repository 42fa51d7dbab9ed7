//! The environment variables, read once.

use std::{env, str::FromStr, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use tidings::{
    EngineConfig, Limits, Parser, RecoveryConfig, Tls,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    },
};

#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) profile: String,
    pub(crate) port: u16,
    pub(crate) host: Option<String>,
    pub(crate) ping_interval: Option<Duration>,
    pub(crate) ping_timeout: Option<Duration>,
    pub(crate) connect_timeout: Option<Duration>,
    pub(crate) max_payload: Option<usize>,
    pub(crate) deflate: bool,
    pub(crate) allowed_origins: Option<Vec<String>>,
    pub(crate) jwt_secret: Option<String>,
    pub(crate) jwt_public_key: Option<Vec<u8>>,
    pub(crate) node_id: String,
    pub(crate) ask_timeout: Duration,
    pub(crate) recovery: bool,
    pub(crate) recovery_duration: Option<Duration>,
    pub(crate) parser: Parser,
    pub(crate) attachment_timeout: Option<Duration>,
    pub(crate) handshake_timeout: Option<Duration>,
    pub(crate) tls: Option<Tls>,
}

fn text(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

fn parsed<T: FromStr>(name: &str) -> anyhow::Result<Option<T>>
where
    T::Err: std::error::Error + Send + Sync + 'static,
{
    text(name)
        .map(|value| {
            value
                .parse()
                .with_context(|| format!("{name}={value} cannot be read"))
        })
        .transpose()
}

fn millis(name: &str) -> anyhow::Result<Option<Duration>> {
    Ok(parsed(name)?.map(Duration::from_millis))
}

/// `TLS_CERT` and `TLS_KEY`, files in PEM, make all listeners speak TLS.
fn tls() -> anyhow::Result<Option<Tls>> {
    let (Some(certificates), Some(key)) = (text("TLS_CERT"), text("TLS_KEY")) else {
        return Ok(None);
    };
    let chain = CertificateDer::pem_file_iter(&certificates)
        .and_then(Iterator::collect)
        .with_context(|| format!("cannot read {certificates}"))?;
    let key = PrivateKeyDer::from_pem_file(&key).with_context(|| format!("cannot read {key}"))?;
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(Some(Tls::new(Arc::new(config))))
}

impl Settings {
    pub(crate) fn from_env() -> anyhow::Result<Self> {
        let parser = match text("PARSER").as_deref() {
            None | Some("json") => Parser::Json,
            Some("msgpack") => Parser::MessagePack,
            Some(other) => bail!("PARSER={other}: there are json and msgpack"),
        };
        let jwt_public_key = text("JWT_RS_PUBLIC_KEY")
            .map(|path| std::fs::read(&path).with_context(|| format!("cannot read {path}")))
            .transpose()?;
        Ok(Self {
            profile: text("PROFILE").unwrap_or_else(|| "app".into()),
            port: parsed("PORT")?.unwrap_or(3000),
            host: text("HOST"),
            ping_interval: millis("PING_INTERVAL")?,
            ping_timeout: millis("PING_TIMEOUT")?,
            connect_timeout: millis("CONNECT_TIMEOUT")?,
            max_payload: parsed("MAX_PAYLOAD")?,
            deflate: text("DEFLATE").as_deref() == Some("1"),
            allowed_origins: text("ALLOWED_ORIGINS")
                .map(|list| list.split(',').map(|it| it.trim().to_owned()).collect()),
            jwt_secret: text("JWT_HS_SECRET"),
            jwt_public_key,
            node_id: text("NODE_ID").unwrap_or_else(|| std::process::id().to_string()),
            ask_timeout: millis("ASK_TIMEOUT")?.unwrap_or(Duration::from_secs(2)),
            recovery: text("RECOVERY").as_deref() == Some("1"),
            recovery_duration: millis("RECOVERY_DURATION")?,
            parser,
            attachment_timeout: millis("ATTACHMENT_TIMEOUT")?,
            handshake_timeout: millis("HANDSHAKE_TIMEOUT")?,
            tls: tls()?,
        })
    }

    /// The options of an endpoint, with a profile's own defaults where nothing is set.
    pub(crate) fn engine(&self, ping_interval: u64, ping_timeout: u64) -> EngineConfig {
        EngineConfig::new()
            .ping_interval(
                self.ping_interval
                    .unwrap_or(Duration::from_millis(ping_interval)),
            )
            .ping_timeout(
                self.ping_timeout
                    .unwrap_or(Duration::from_millis(ping_timeout)),
            )
            .max_payload(self.max_payload.unwrap_or(1_000_000))
            .deflate(self.deflate.then_some(1024))
    }

    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        if let Some(timeout) = self.attachment_timeout {
            limits.attachment_timeout = timeout;
        }
        if let Some(timeout) = self.handshake_timeout {
            limits.header_timeout = timeout;
        }
        limits
    }

    pub(crate) fn recovery(&self) -> RecoveryConfig {
        let config = RecoveryConfig::new();
        match self.recovery_duration {
            Some(duration) => config.max_disconnection(duration),
            None => config,
        }
    }
}
