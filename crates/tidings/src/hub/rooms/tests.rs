//! The rooms of one shard against the simplest thing that could be right: a set of sockets for
//! each name.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    time::Duration,
};

use proptest::prelude::*;

use super::*;
use crate::{
    adapter::Local,
    admission::Permit,
    handler::handlers::Handlers,
    hub::{Hub, namespaces::Namespaces},
    limits::Limits,
    server::core::Core,
    transport::{
        connection::{HeartbeatConfig, Opening, Wire},
        frame::WireEncoding,
        handshake::Handshake,
        outbox::Sink,
    },
};

/// Rooms of one socket; few, so that the limit is met.
const LIMIT: usize = 3;
const ROOMS: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Makes sockets that are connected to nothing.
struct Maker {
    core: Arc<Core>,
    hub: Hub,
}

impl Maker {
    fn new() -> Self {
        let core = Core::new(Limits::default(), 1, None);
        let adapter = Arc::new(Local);
        let namespaces = Namespaces::new(Arc::clone(&core), adapter, None, Vec::new(), Vec::new());
        let hub = Hub::new("/".into(), Arc::new(Handlers::default()), &namespaces, None);
        Self { core, hub }
    }

    fn socket(&self) -> Socket {
        let (parts, ()) = http::Request::new(()).into_parts();
        let minute = Duration::from_secs(60);
        let connection = Connection::open(
            &self.core,
            Opening {
                wire: Wire::Plain,
                sink: Sink::Closed,
                encoding: WireEncoding::default(),
                heartbeat: HeartbeatConfig {
                    interval: minute,
                    timeout: minute,
                },
                handshake: Handshake::new(&parts, SocketAddr::from(([127, 0, 0, 1], 9)), false),
                permit: Permit::free(),
            },
        );
        self.hub
            .welcome(&connection, Encoding::Raw, None, None, None)
    }
}

#[derive(Debug, Default)]
struct Model {
    present: BTreeSet<SocketId>,
    rooms: BTreeMap<String, BTreeSet<SocketId>>,
}

impl Model {
    fn of(&self, id: SocketId) -> BTreeSet<&str> {
        let rooms = self
            .rooms
            .iter()
            .filter(|(_, members)| members.contains(&id));
        rooms.map(|(name, _)| &**name).collect()
    }

    fn join(&mut self, id: SocketId, room: &str) -> Joined {
        if !self.present.contains(&id) {
            return Joined::Unknown;
        }
        let own = self.of(id);
        if own.contains(room) || room == id.as_str() {
            return Joined::Already;
        }
        if own.len() >= LIMIT {
            return Joined::TooMany;
        }
        let members = self.rooms.entry(room.to_owned()).or_default();
        members.insert(id);
        Joined::Yes {
            first: members.len() == 1,
        }
    }

    fn leave(&mut self, id: SocketId, room: &str) -> Option<bool> {
        let members = self.rooms.get_mut(room)?;
        if !members.remove(&id) {
            return None;
        }
        let empty = members.is_empty();
        if empty {
            self.rooms.remove(room);
        }
        Some(empty)
    }

    fn remove(&mut self, id: SocketId) -> Option<BTreeSet<(String, bool)>> {
        if !self.present.remove(&id) {
            return None;
        }
        let rooms: Vec<String> = self.of(id).into_iter().map(str::to_owned).collect();
        let left = rooms.into_iter().map(|room| {
            let empty = self.leave(id, &room).unwrap();
            (room, empty)
        });
        Some(left.collect())
    }

    fn select(&self, selection: &Selection) -> BTreeSet<SocketId> {
        let is_in = |id: &SocketId, names: &[Box<str>]| {
            names
                .iter()
                .any(|name| **name == *id.as_str() || self.of(*id).contains(&**name))
        };
        let meant = self.present.iter().filter(|id| {
            (selection.rooms.is_empty() || is_in(id, &selection.rooms))
                && !is_in(id, &selection.except)
        });
        meant.copied().collect()
    }
}

/// A name in a selection: one of the rooms, or the room that a socket has to itself.
#[derive(Debug, Clone)]
enum Name {
    Room(usize),
    Socket(usize),
}

#[derive(Debug, Clone)]
enum Step {
    Insert(usize),
    Remove(usize),
    Join(usize, Name),
    Leave(usize, usize),
    Select(Vec<Name>, Vec<Name>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let name = || prop_oneof![3 => (0..ROOMS.len()).prop_map(Name::Room), 1 => (0..8usize).prop_map(Name::Socket)];
    let names = move || prop::collection::vec(name(), 0..4);
    prop::collection::vec(
        prop_oneof![
            2 => (0..8usize).prop_map(Step::Insert),
            1 => (0..8usize).prop_map(Step::Remove),
            6 => (0..8usize, name()).prop_map(|(socket, room)| Step::Join(socket, room)),
            3 => (0..8usize, 0..ROOMS.len()).prop_map(|(socket, room)| Step::Leave(socket, room)),
            3 => (names(), names()).prop_map(|(rooms, except)| Step::Select(rooms, except)),
        ],
        1..120,
    )
}

fn check(sockets: &[Socket], steps: Vec<Step>) {
    let text = |name: &Name| match name {
        Name::Room(room) => ROOMS[*room].to_owned(),
        Name::Socket(socket) => sockets[*socket].id().as_str().to_owned(),
    };
    let (mut rooms, mut model) = (Rooms::default(), Model::default());
    for step in steps {
        match step {
            Step::Insert(socket) => {
                let socket = &sockets[socket];
                if model.present.insert(socket.id()) {
                    rooms.insert(socket.clone());
                }
            }
            Step::Remove(socket) => {
                let id = sockets[socket].id();
                let left = rooms.remove(id).map(|left| {
                    left.into_iter()
                        .map(|(name, empty)| (name.to_string(), empty))
                        .collect()
                });
                assert_eq!(left, model.remove(id));
            }
            Step::Join(socket, room) => {
                let (id, room) = (sockets[socket].id(), text(&room));
                // A socket that joins another's own room is in a room of that name.
                assert_eq!(rooms.join(id, &room, LIMIT), model.join(id, &room));
            }
            Step::Leave(socket, room) => {
                let id = sockets[socket].id();
                assert_eq!(rooms.leave(id, ROOMS[room]), model.leave(id, ROOMS[room]));
            }
            Step::Select(to, except) => {
                let names = |names: &[Name]| names.iter().map(|it| text(it).into()).collect();
                let selection = Selection {
                    rooms: names(&to),
                    except: names(&except),
                };
                let mut found = Vec::new();
                rooms.select(&selection, |socket| found.push(socket.id()));
                let once: BTreeSet<_> = found.iter().copied().collect();
                assert_eq!(found.len(), once.len(), "each is met once");
                assert_eq!(once, model.select(&selection), "{selection:?}");
                let mut delivered = 0;
                rooms.deliver(&selection, |_, _| delivered += 1);
                assert_eq!(delivered, found.len());
            }
        }
        assert_eq!(rooms.len(), model.present.len());
        for socket in sockets {
            let id = socket.id();
            assert_eq!(rooms.get(id).is_some(), model.present.contains(&id));
            let of = rooms.of(id);
            let own = of.first().map(|own| own.to_string());
            assert_eq!(own, model.present.contains(&id).then(|| id.to_string()));
            let of: BTreeSet<&str> = of.iter().skip(1).map(|room| &**room).collect();
            assert_eq!(of, model.of(id));
        }
        let names: BTreeSet<&str> = rooms.names().collect();
        let own = model.present.iter().map(SocketId::as_str);
        assert_eq!(
            names,
            model.rooms.keys().map(|it| &**it).chain(own).collect()
        );
    }
    // Whoever leaves last leaves nothing behind.
    for id in model.present {
        rooms.remove(id);
    }
    assert!(rooms.members.is_empty() && rooms.rooms.is_empty());
    assert!(rooms.by_name.is_empty() && rooms.by_id.is_empty());
}

#[test]
fn rooms_do_what_a_set_for_each_name_would_do() {
    let maker = Maker::new();
    let sockets: Vec<Socket> = (0..8).map(|_| maker.socket()).collect();
    proptest!(|(steps in steps())| check(&sockets, steps));
}
