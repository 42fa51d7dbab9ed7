//! What the server says of itself when it begins to listen.

use std::{net::SocketAddr, path::Path, time::Duration};

use jiff::Timestamp;

use crate::{
    app::App,
    cli::say,
    config::auth::Secret,
    identity::{
        mint::{MintRequest, mint},
        patterns::Patterns,
    },
    names::{UserId, Username},
};

const TODAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Says where the server is, what it has loosened, and what to try: with the key of the API that was
/// drawn for this run. One that somebody has set is nobody's to print.
pub(super) fn introduce(
    app: &App,
    file: Option<&Path>,
    drawn_key: Option<&Secret>,
    address: SocketAddr,
) {
    let version = env!("CARGO_PKG_VERSION");
    let store = app.config().store.path.display();
    let settings = file.map_or("the defaults".into(), Path::to_string_lossy);
    if !app.is_dev() {
        let keys = &app.config().api.keys;
        let api = match &keys[..] {
            [] => "off, since api.keys has no key".to_owned(),
            keys => {
                let names: Vec<_> = keys.iter().map(|it| it.name.as_str()).collect();
                format!("for the keys {}", names.join(", "))
            }
        };
        say(format_args!(
            "tidings {version}\n\
             \x20 settings {settings}\n\
             \x20 store    {store}\n\
             \x20 api      {api}\n\
             listening on http://{address}",
        ));
        return;
    }
    let admin = administrator(app)
        .map(|token| format!("  admin    with this token, for today: {token}\n"))
        .unwrap_or_default();
    let key = drawn_key.map(Secret::reveal);
    let api = key.map(|key| format!("  api      with this key, for this run: {key}\n"));
    let example = key.map(|key| {
        format!(
            "\n  curl http://{address}/api/message -H 'X-API-Key: {key}' --json '{{\"roomId\":\
             \"lobby\",\"text\":\"hello from a backend\"}}'"
        )
    });
    let (api, example) = (api.unwrap_or_default(), example.unwrap_or_default());
    say(format_args!(
        "tidings {version}, for development on this machine only:\n\
         \x20 guests   anybody signs in, under any id and name\n\
         \x20 rooms    every room is open to everybody\n\
         \x20 presence everybody hears who comes and goes\n\
         \x20 pages    pages of localhost may connect, from any port\n\
         \x20 store    {store}\n\
         {admin}{api}listening on http://{address}\n\
         \n\
         try it: open that address in two tabs, and send them something from here:\n\
         \x20 curl 'http://{address}/rpc?id=curl' --json '{{\"type\":\"chat:send\",\"data\":{{\
         \"roomId\":\"lobby\",\"content\":\"hello from a terminal\"}}}}'{example}",
    ));
}

/// A token for whoever tries out what administrators may, where the server can sign one.
fn administrator(app: &App) -> Option<String> {
    let request = MintRequest {
        sub: UserId::new("admin").ok()?,
        name: Username::new("Admin").ok(),
        expires_in: TODAY,
        rooms: Patterns::all(),
        publish: None,
        info: None,
        admin: true,
    };
    mint(&app.config().auth, &request, None, Timestamp::now()).ok()
}
