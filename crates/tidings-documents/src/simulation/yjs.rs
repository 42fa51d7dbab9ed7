//! A Yjs client: a replica of its own, and a connection that is not to be trusted.

use std::collections::VecDeque;

use fastrand::Rng;
use yrs::{
    Doc, GetString, OffsetKind, Options, ReadTxn, StateVector, Text as _, TextRef, Transact,
    Update,
    block::ClientID,
    updates::{decoder::Decode, encoder::Encode},
};

use super::{Server, operation, whole_operation};
use crate::Operation;

pub(super) struct Yjs {
    number: usize,
    doc: Doc,
    root: TextRef,
    connected: bool,
    up: VecDeque<Vec<u8>>,
    down: VecDeque<Vec<u8>>,
}

impl Yjs {
    pub(super) fn new(number: usize) -> Self {
        let mut options = Options::with_client_id(ClientID::new(number as u64 + 1));
        options.offset_kind = OffsetKind::Utf16;
        let doc = Doc::with_options(options);
        let root = doc.get_or_insert_text("content");
        Self {
            number,
            doc,
            root,
            connected: false,
            up: VecDeque::new(),
            down: VecDeque::new(),
        }
    }

    pub(super) fn text(&self) -> String {
        self.root.get_string(&self.doc.transact())
    }

    pub(super) fn cut(&mut self) {
        self.connected = false;
        self.up.clear();
        self.down.clear();
    }

    pub(super) fn step(&mut self, rng: &mut Rng, server: &mut Server, next: &mut u32) {
        match rng.u8(0..100) {
            0..3 => self.cut(),
            3..40 => self.type_something(rng, next),
            // Twice, and out of turn.
            40..43 => {
                if let Some(update) = self.up.back().cloned() {
                    self.up.push_front(update);
                }
            }
            43..70 => {
                self.deliver_up(server);
            }
            70..96 => {
                self.deliver_down();
            }
            _ => self.connect(server),
        }
    }

    pub(super) fn settle(&mut self, server: &mut Server) -> bool {
        let mut busy = !self.connected;
        self.connect(server);
        while self.deliver_down() || self.deliver_up(server) {
            busy = true;
        }
        busy
    }

    fn type_something(&mut self, rng: &mut Rng, next: &mut u32) {
        // Editors do not cut characters in two, but nothing keeps a client from it.
        let wild = rng.u8(0..20) == 0;
        let text = self.text();
        let operation = if wild {
            operation(rng, &text, next)
        } else {
            whole_operation(rng, &text, next)
        };
        let mut transaction = self.doc.transact_mut();
        match &operation {
            Operation::Insert { position, content } => {
                self.root
                    .insert(&mut transaction, *position as u32, content);
            }
            Operation::Delete { position, length } => {
                self.root
                    .remove_range(&mut transaction, *position as u32, *length as u32);
            }
        }
        let update = transaction.encode_update_v1();
        drop(transaction);
        if self.connected {
            self.up.push_back(update);
        }
    }

    fn connect(&mut self, server: &mut Server) {
        if self.connected {
            return;
        }
        self.connected = true;
        // Both say what they have, and are sent what they lack.
        let have = self.doc.transact().state_vector().encode_v1();
        let lacks = server.document.difference(&have).unwrap();
        self.down.push_back(lacks);
        self.offer(server);
    }

    fn offer(&mut self, server: &Server) {
        let theirs = StateVector::decode_v1(&server.document.state_vector()).unwrap();
        let lacks = self.doc.transact().encode_diff_v1(&theirs);
        self.up.push_back(lacks);
    }

    fn deliver_up(&mut self, server: &mut Server) -> bool {
        let Some(update) = self.up.pop_front() else {
            return false;
        };
        if server.update(self.number, &update) {
            self.offer(server);
        }
        true
    }

    pub(super) fn hear(&mut self, by: usize, update: &[u8]) {
        if self.connected && by != self.number && !update.is_empty() {
            self.down.push_back(update.to_vec());
        }
    }

    fn deliver_down(&mut self) -> bool {
        let Some(update) = self.down.pop_front() else {
            return false;
        };
        let update = Update::decode_v1(&update).unwrap();
        self.doc.transact_mut().apply_update(update).unwrap();
        true
    }
}
