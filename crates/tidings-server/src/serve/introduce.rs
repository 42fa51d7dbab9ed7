//! What the server says of itself when it begins to listen.

use std::{net::SocketAddr, path::Path, time::Duration};

use jiff::Timestamp;

use crate::{
    app::App,
    cli::say,
    identity::{
        mint::{MintRequest, mint},
        patterns::Patterns,
    },
    names::{UserId, Username},
};

const TODAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Says where the server is, what it has loosened, and what to try.
pub(super) fn introduce(app: &App, file: Option<&Path>, address: SocketAddr) {
    let version = env!("CARGO_PKG_VERSION");
    let store = app.config().store.path.display();
    let settings = file.map_or("the defaults".into(), Path::to_string_lossy);
    if !app.is_dev() {
        say(format_args!(
            "tidings {version}\n\
             \x20 settings {settings}\n\
             \x20 store    {store}\n\
             listening on http://{address}",
        ));
        return;
    }
    let admin = administrator(app)
        .map(|token| format!("  admin    with this token, for today: {token}\n"))
        .unwrap_or_default();
    say(format_args!(
        "tidings {version}, for development on this machine only:\n\
         \x20 guests   anybody signs in, under any id and name\n\
         \x20 rooms    every room is open to everybody\n\
         \x20 presence everybody hears who comes and goes\n\
         \x20 pages    pages of localhost may connect, from any port\n\
         \x20 store    {store}\n\
         {admin}listening on http://{address}\n\
         \n\
         try it: open that address in two tabs, and send them something from here:\n\
         \x20 curl 'http://{address}/rpc?id=curl' --json '{{\"type\":\"chat:send\",\"data\":{{\
         \"roomId\":\"lobby\",\"content\":\"hello from a terminal\"}}}}'",
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
