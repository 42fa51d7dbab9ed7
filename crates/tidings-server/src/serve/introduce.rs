//! What the server says of itself when it begins to listen.

use std::{fmt::Write as _, path::Path, time::Duration};

use jiff::Timestamp;

use super::listeners::Bound;
use crate::{
    app::App,
    cli::say,
    config::{AdminConfig, auth::Secret, listen::Place},
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
    public: &[Bound],
    internal: &[Bound],
) {
    let version = env!("CARGO_PKG_VERSION");
    let config = app.config();
    let store = config.store.path.display();
    let settings = file.map_or("the defaults".into(), Path::to_string_lossy);
    let scheme = match config.tls.files() {
        Some(_) => "https",
        None => "http",
    };
    let mut places = String::new();
    for Bound { place, .. } in internal {
        let url = url("http", place);
        let _ = writeln!(places, "  internal API, metrics, health and admin at {url}");
    }
    for (index, Bound { place, .. }) in public.iter().enumerate() {
        let end = if index + 1 < public.len() { "\n" } else { "" };
        let _ = write!(places, "listening on {}{end}", url(scheme, place));
    }
    if !app.is_dev() {
        let keys = &config.api.keys;
        let api = match &keys[..] {
            [] => "off, since api.keys has no key".to_owned(),
            keys => {
                let names: Vec<_> = keys.iter().map(|it| it.name.as_str()).collect();
                format!("for the keys {}", names.join(", "))
            }
        };
        let admin = match &config.admin {
            AdminConfig { enabled: false, .. } => "",
            AdminConfig { password: None, .. } => {
                "  admin    /admin, with a token that has the claim admin\n"
            }
            _ => "  admin    /admin, with the password, or a token that has the claim admin\n",
        };
        say(format_args!(
            "tidings {version}\n\
             \x20 settings {settings}\n\
             \x20 store    {store}\n\
             \x20 api      {api}\n\
             {admin}{places}",
        ));
        return;
    }
    let admin = administrator(app)
        .map(|token| format!("  admin    with this token, for today: {token}\n"))
        .unwrap_or_default();
    // A password that somebody has set counts in development as well.
    let page = match app.config().admin.password {
        None => "  page     /admin is open to everybody on this machine\n",
        Some(_) => "",
    };
    let key = drawn_key.map(Secret::reveal);
    let api = key.map(|key| format!("  api      with this key, for this run: {key}\n"));
    let api = api.unwrap_or_default();
    say(format_args!(
        "tidings {version}, for development on this machine only:\n\
         \x20 guests   anybody signs in, under any id and name\n\
         \x20 rooms    every room is open to everybody\n\
         \x20 presence everybody hears who comes and goes\n\
         \x20 pages    pages of localhost may connect, from any port\n\
         \x20 metrics  everybody reads /metrics\n\
         {page}\
         \x20 store    {store}\n\
         {admin}{api}{places}",
    ));
    if let Some(address) = public.iter().find_map(|it| it.place.address()) {
        try_out(&format!("{scheme}://{address}"), internal, key);
    }
}

/// Says what to try, of a server whose clients connect there.
fn try_out(clients: &str, internal: &[Bound], key: Option<&str>) {
    // The API is where clients connect, unless it is kept off there.
    let api = match internal {
        [] => Some(clients.to_owned()),
        internal => internal
            .iter()
            .find_map(|it| it.place.address())
            .map(|address| format!("http://{address}")),
    };
    let example = api.zip(key).map(|(api, key)| {
        format!(
            "\n  curl {api}/api/message -H 'X-API-Key: {key}' --json '{{\"roomId\":\
             \"lobby\",\"text\":\"hello from a backend\"}}'"
        )
    });
    let example = example.unwrap_or_default();
    say(format_args!(
        "\n\
         try it: open that address in two tabs, and send them something from here:\n\
         \x20 curl '{clients}/rpc?id=curl' --json '{{\"type\":\"chat:send\",\"data\":{{\
         \"roomId\":\"lobby\",\"content\":\"hello from a terminal\"}}}}'{example}",
    ));
}

/// Where a browser finds it; a Unix socket has no URL.
fn url(scheme: &str, place: &Place) -> String {
    match place {
        Place::Address(address) => format!("{scheme}://{address}"),
        Place::Path(_) => place.to_string(),
    }
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
