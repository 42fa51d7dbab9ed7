//! A server that presents a certificate, which is replaced while it runs.

use std::{fs, path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::{
    client::Client,
    process::{Server, run_in},
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A certificate for `localhost`, and its key, as PEM.
fn made() -> (String, String, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("it is a name");
    let der = made.cert.der().clone();
    (made.cert.pem(), made.signing_key.serialize_pem(), der)
}

fn write(home: &Path, cert: &str, key: &str) {
    fs::write(home.join("cert.pem"), cert).expect("it is written");
    fs::write(home.join("key.pem"), key).expect("it is written");
}

fn start(home: &Path) -> Server {
    let flags = [
        "--dev",
        "--set",
        "tls.cert=cert.pem",
        "--set",
        "tls.key=key.pem",
    ];
    Server::start_in(home, &flags)
}

/// Whoever trusts these certificates and no others.
fn trusting(certificates: &[&CertificateDer<'static>]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add((*certificate).clone()).expect("it is one");
    }
    let config = ClientConfig::builder_with_provider(Arc::new(
        rustls::crypto::aws_lc_rs::default_provider(),
    ))
    .with_safe_default_protocol_versions()
    .expect("TLS has versions")
    .with_root_certificates(roots)
    .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn connect(
    server: &Server,
    connector: &TlsConnector,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(&server.address).await?;
    let name = ServerName::try_from("localhost").expect("it is a name");
    connector.connect(name, stream).await
}

/// Connects until the server presents that certificate; each time it presents one that `all` know.
async fn presented(server: &Server, all: &TlsConnector, wanted: &CertificateDer<'static>) {
    let presented = async {
        loop {
            let stream = connect(server, all).await.expect("nobody is turned away");
            let shown = stream
                .get_ref()
                .1
                .peer_certificates()
                .expect("it shows one")[0]
                .clone();
            if shown == *wanted {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let within = tokio::time::timeout(PATIENCE, presented).await;
    within.expect("the new certificate is presented");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_presented_and_drops_nobody() {
    let home = TempDir::new().unwrap();
    let (first, second, third) = (made(), made(), made());
    write(home.path(), &first.0, &first.1);
    let server = start(home.path());
    let all = trusting(&[&first.2, &second.2, &third.2]);

    let mut clients = Vec::new();
    for number in 0..10 {
        let stream = connect(&server, &trusting(&[&first.2])).await.unwrap();
        let mut client = Client::over(stream, "/ws").await.expect("it is let in");
        client.come_in(&format!("u{number}"), "U", "lobby").await;
        clients.push(client);
    }
    // All of them go on talking while certificates come and go.
    let (stop, mut stopped) = tokio::sync::watch::channel(false);
    let talking: Vec<_> = clients
        .into_iter()
        .map(|mut client| {
            let stop = stop.subscribe();
            tokio::spawn(async move {
                let mut said = 0;
                while !*stop.borrow() {
                    let message = json!({"roomId": "lobby", "content": "still here"});
                    let answer = client.ask("chat:send", message).await;
                    assert_eq!(answer["success"], true, "{answer}");
                    said += 1;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                said
            })
        })
        .collect();

    write(home.path(), &second.0, &second.1);
    presented(&server, &all, &second.2).await;
    // Half written, and then a key that belongs to another: what was there is kept.
    write(home.path(), &third.0[..100], &third.1);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    presented(&server, &trusting(&[&second.2]), &second.2).await;
    write(home.path(), &third.0, &third.1);
    presented(&server, &all, &third.2).await;

    stop.send_replace(true);
    let _ = stopped.changed().await;
    for talker in talking {
        assert!(talker.await.expect("it was never dropped") > 0);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_stops_the_start() {
    let home = TempDir::new().unwrap();
    let (one, other) = (made(), made());
    let flags = ["serve", "--dev", "--listen", "127.0.0.1:0"];
    let tls = ["--set", "tls.cert=cert.pem", "--set", "tls.key=key.pem"];
    for (cert, key, said) in [
        ("", "", "there is no certificate in cert.pem"),
        (&one.0, "", "cannot read key.pem"),
        (
            &one.0,
            &other.1,
            "the certificate and the key do not go together",
        ),
    ] {
        write(home.path(), cert, key);
        let output = run_in(home.path(), &[&flags[..], &tls[..]].concat());
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{error}");
        assert!(error.contains(said), "{error}");
    }
}
