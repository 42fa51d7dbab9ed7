//! A TLS connection of two sockets, for the tests of whatever reads and writes one.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_rustls::{
    TlsAcceptor, TlsConnector, client,
    rustls::{ClientConfig, RootCertStore, ServerConfig, pki_types::PrivatePkcs8KeyDer},
};

use crate::transport::socket::Socket;

/// Goes through the handshake on two sockets that are connected already.
pub(crate) async fn secured(
    server: TcpStream,
    client: TcpStream,
) -> (Socket, client::TlsStream<TcpStream>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let trusting = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let connector = TlsConnector::from(Arc::new(trusting));
    let name = "localhost".try_into().unwrap();
    let (server, client) =
        tokio::try_join!(acceptor.accept(server), connector.connect(name, client)).unwrap();
    (Socket::Tls(Box::new(server)), client)
}
