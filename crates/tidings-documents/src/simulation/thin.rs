//! A thin client: its text, its operations on their way, and a connection that is not to be
//! trusted.
//!
//! A patient client has one operation on its way and keeps later ones back; it sends the same one
//! again when it comes back. An impatient one sends at once, and begins anew when it comes back.

use std::{collections::VecDeque, sync::Arc};

use fastrand::Rng;

use super::{Server, Told, whole_operation};
use crate::{
    Change, Edit, Operation, SessionId,
    document::Text,
    transform::{Shape, cross},
};

/// Operations that an impatient client has on their way at most.
const ON_THEIR_WAY: usize = 4;

/// An operation that is not acknowledged.
struct Open {
    id: Arc<str>,
    /// As it was sent, with its base; `None` while it is kept back.
    sent: Option<(u64, Operation)>,
    /// What is left of it in the text as it is.
    shapes: Vec<Shape>,
    content: Operation,
}

pub(super) struct Thin {
    number: usize,
    author: Arc<str>,
    patient: bool,
    text: Text,
    version: u64,
    open: VecDeque<Open>,
    made: u32,
    session: Option<SessionId>,
    up: VecDeque<Edit>,
    down: VecDeque<Told>,
    /// What it has to be told to continue: set while it is connecting.
    resume: Option<u64>,
    acknowledged: Vec<Arc<str>>,
}

impl Thin {
    pub(super) fn new(number: usize, patient: bool) -> Self {
        Self {
            number,
            author: format!("user {number}").into(),
            patient,
            text: Text::default(),
            version: 0,
            open: VecDeque::new(),
            made: 0,
            session: None,
            up: VecDeque::new(),
            down: VecDeque::new(),
            resume: None,
            acknowledged: Vec::new(),
        }
    }

    pub(super) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn text(&self) -> String {
        self.text.to_string()
    }

    pub(super) fn version(&self) -> u64 {
        self.version
    }

    /// The operations that were acknowledged and did something.
    pub(super) fn acknowledged_insertions(&self) -> impl Iterator<Item = (Arc<str>, Arc<str>)> {
        let insertions = self.acknowledged.iter().filter(|it| it.starts_with('i'));
        insertions.map(|it| (Arc::clone(&self.author), Arc::clone(it)))
    }

    /// The connection breaks, and what is on its way is lost.
    pub(super) fn cut(&mut self) {
        self.session = None;
        self.up.clear();
        self.down.clear();
    }

    pub(super) fn step(&mut self, rng: &mut Rng, server: &mut Server, next: &mut u32) {
        match rng.u8(0..100) {
            0..3 => {
                if let Some(session) = self.session {
                    server.document.close(session);
                }
                self.cut();
            }
            3..40 if self.session.is_some() || self.patient => self.type_something(rng, next),
            // Sent again without need.
            40..42 => {
                if let Some(edit) = self.up.front().cloned() {
                    self.up.push_front(edit);
                }
            }
            42..70 => {
                self.deliver_up(server);
            }
            70..98 => {
                self.deliver_down();
            }
            _ => self.connect(server),
        }
    }

    /// Brings everything to its end. Says whether there was something to do.
    pub(super) fn settle(&mut self, server: &mut Server) -> bool {
        let mut busy = self.session.is_none();
        self.connect(server);
        while self.deliver_down() || self.deliver_up(server) {
            busy = true;
        }
        busy
    }

    fn type_something(&mut self, rng: &mut Rng, next: &mut u32) {
        if !self.patient && self.open.len() >= ON_THEIR_WAY {
            return;
        }
        let operation = whole_operation(rng, &self.text(), next);
        self.text.apply(&operation);
        self.made += 1;
        let kind = match operation {
            Operation::Insert { .. } => 'i',
            Operation::Delete { .. } => 'd',
        };
        self.open.push_back(Open {
            id: format!("{kind}{}", self.made).into(),
            sent: None,
            shapes: vec![operation.shape()],
            content: operation,
        });
        self.send();
    }

    /// Sends what may be sent.
    fn send(&mut self) {
        let Some(session) = self.session else {
            return;
        };
        if self.resume.is_some() {
            return;
        }
        let may = if self.patient { 1 } else { usize::MAX };
        let mut index = 0;
        while index < self.open.len().min(may) {
            if self.open[index].sent.is_none() {
                // Others may have done it, or have split it while it was kept back.
                let shapes = self.open[index].shapes.clone();
                if shapes.is_empty() {
                    self.open.remove(index);
                    continue;
                }
                if shapes.len() > 1 {
                    self.split(index);
                }
                let open = &mut self.open[index];
                let operation = open.content.moved(open.shapes[0]);
                open.sent = Some((self.version, operation.clone()));
                self.up.push_back(Edit {
                    session,
                    author: Arc::clone(&self.author),
                    operation_id: Arc::clone(&open.id),
                    base: self.version,
                    operation,
                    at: 0,
                });
            }
            index += 1;
        }
    }

    /// Makes an operation of each piece of one that was not sent.
    fn split(&mut self, index: usize) {
        let Some(open) = self.open.remove(index) else {
            return;
        };
        for (piece, shape) in open.shapes.into_iter().enumerate().rev() {
            self.open.insert(
                index,
                Open {
                    id: format!("{}/{piece}", open.id).into(),
                    sent: None,
                    shapes: vec![shape],
                    content: open.content.moved(shape),
                },
            );
        }
    }

    fn deliver_up(&mut self, server: &mut Server) -> bool {
        let Some(edit) = self.up.pop_front() else {
            return false;
        };
        server.edit(self.number, edit);
        true
    }

    /// What happened goes on its way to this client.
    pub(super) fn hear(&mut self, by: usize, changes: &[Change], told: Option<&Told>) {
        if self.session.is_none() {
            return;
        }
        if by == self.number {
            self.down.extend(told.cloned());
        } else {
            let changes = changes.iter().cloned().map(Told::Change);
            self.down.extend(changes);
        }
    }

    fn connect(&mut self, server: &mut Server) {
        if self.session.is_some() {
            return;
        }
        if !self.patient {
            self.open.clear();
        }
        let version = (self.patient && self.version > 0).then_some(self.version);
        let (session, told) = server.join(version);
        self.session = Some(session);
        self.resume = Some(self.version);
        self.down.push_back(told);
    }

    fn deliver_down(&mut self) -> bool {
        let Some(told) = self.down.pop_front() else {
            return false;
        };
        match told {
            Told::Sync { text, version } => {
                self.text = Text::new(&text);
                self.version = version;
                self.open.clear();
                self.resume = None;
            }
            Told::Since { changes, version } => {
                let mut own = None;
                for change in changes {
                    let mine = change.author == self.author
                        && (own == change.operation_id
                            || self.open.front().map(|it| &it.id) == change.operation_id.as_ref());
                    if mine && own == change.operation_id {
                        continue;
                    }
                    if mine {
                        own.clone_from(&change.operation_id);
                        self.acknowledge();
                    } else {
                        self.follow(&change);
                    }
                }
                self.version = version;
                self.resume = None;
                self.send_again();
            }
            Told::Change(change) => {
                if change.version > self.version {
                    self.follow(&change);
                    self.version = change.version;
                }
            }
            Told::Acknowledged { id, version } => {
                if self.open.front().is_some_and(|it| it.id == id) {
                    self.acknowledge();
                    self.version = self.version.max(version);
                }
            }
            Told::Refused => {
                self.cut();
                self.open.clear();
                // Only the text as it is helps.
                self.version = 0;
                return true;
            }
        }
        self.send();
        true
    }

    fn acknowledge(&mut self) {
        if let Some(open) = self.open.pop_front() {
            self.acknowledged.push(open.id);
        }
    }

    /// The operation that was on its way, as it was.
    fn send_again(&mut self) {
        let (Some(session), Some(open)) = (self.session, self.open.front()) else {
            return;
        };
        if let Some((base, operation)) = &open.sent {
            self.up.push_back(Edit {
                session,
                author: Arc::clone(&self.author),
                operation_id: Arc::clone(&open.id),
                base: *base,
                operation: operation.clone(),
                at: 0,
            });
        }
    }

    /// What somebody else did is done to this text.
    fn follow(&mut self, change: &Change) {
        let mut theirs = vec![change.operation.shape()];
        for open in &mut self.open {
            let ours = std::mem::take(&mut open.shapes);
            (open.shapes, theirs) = cross(ours, theirs);
        }
        for shape in theirs {
            let operation = change.operation.moved(shape);
            assert!(self.text.fits(&operation), "{operation:?}");
            self.text.apply(&operation);
        }
    }
}
