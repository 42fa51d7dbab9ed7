//! TLS over a socket, without a buffer that waits: records are decrypted into the scratch buffer
//! of the thread that reads, and what is to be sent is encrypted a write at a time.
//!
//! Reader and writer share the record layer under a lock that is held to encrypt and to decrypt,
//! never during a system call. The order of records on the wire is that of their encryption,
//! since one writer writes at a time and encrypts nothing while records of its are left over.

use std::{
    io::{self, IoSlice, Read, Write},
    task::{Context, Poll, ready},
};

use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio_rustls::{rustls::ServerConnection, server::TlsStream};

use super::socket::Taken;

/// Bytes that are encrypted at a time; what a socket that becomes full has to leave waiting.
pub(crate) const PLAIN_MAX: usize = 64 * 1024;
/// Bytes of records that are read at a time. Together with one that was incomplete before, they
/// decrypt to less than the rest of the scratch buffer.
const RECORDS: usize = 16 * 1024;
/// The longest content of a record, and what a record takes beyond that (RFC 8446 section 5.2).
const RECORD_CONTENT: usize = 16 * 1024;
const RECORD_OVERHEAD: usize = 64;

#[derive(Debug)]
pub(crate) struct TlsSocket {
    tcp: TcpStream,
    tls: Mutex<ServerConnection>,
    /// Taken out by the one writer while it writes.
    unsent: Mutex<Records>,
}

/// Encrypted bytes that the socket has not taken yet.
#[derive(Debug, Default)]
struct Records {
    bytes: Vec<u8>,
    sent: usize,
    /// How many bytes they hold in plain.
    plain: usize,
}

impl TlsSocket {
    pub(crate) fn new(stream: TlsStream<TcpStream>) -> Self {
        let (tcp, mut tls) = stream.into_inner();
        // What is encrypted is taken out at once.
        tls.set_buffer_limit(None);
        Self {
            tcp,
            tls: Mutex::new(tls),
            unsent: Mutex::default(),
        }
    }

    pub(crate) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }

    /// Reads and decrypts into `scratch`; nothing at all when the peer has closed.
    pub(crate) fn poll_read<'a>(
        &self,
        context: &mut Context<'_>,
        scratch: &'a mut [u8],
    ) -> Poll<io::Result<&'a mut [u8]>> {
        let (records, plain) = scratch.split_at_mut(RECORDS);
        // What came together with the end of the handshake is decrypted already.
        let (mut filled, mut over) = take_plain(&mut self.tls.lock(), plain)?;
        while filled == 0 && !over {
            ready!(self.tcp.poll_read_ready(context))?;
            match self.tcp.try_read(records) {
                Ok(0) => break,
                Ok(read) => (filled, over) = self.decrypt(&records[..read], plain)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(&mut plain[..filled]))
    }

    /// Gives how many bytes came out, and whether the peer says that no more follow.
    fn decrypt(&self, mut records: &[u8], plain: &mut [u8]) -> io::Result<(usize, bool)> {
        let mut tls = self.tls.lock();
        let (mut filled, mut over) = (0, false);
        while !records.is_empty() && !over {
            tls.read_tls(&mut records)?;
            tls.process_new_packets().map_err(io::Error::other)?;
            let taken = take_plain(&mut tls, &mut plain[filled..])?;
            filled += taken.0;
            over = taken.1;
        }
        Ok((filled, over))
    }

    /// Encrypts and writes without waiting. Bytes count as written when all records that they
    /// are in are.
    pub(crate) fn try_write(&self, slices: &[IoSlice<'_>]) -> io::Result<Taken> {
        let mut unsent = std::mem::take(&mut *self.unsent.lock());
        if unsent.bytes.is_empty() {
            unsent = self.encrypt(slices)?;
        }
        while unsent.sent < unsent.bytes.len() {
            match self.tcp.try_write(&unsent.bytes[unsent.sent..]) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => unsent.sent += written,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    *self.unsent.lock() = unsent;
                    return Ok(Taken {
                        bytes: 0,
                        full: true,
                    });
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Taken {
            bytes: unsent.plain,
            full: false,
        })
    }

    fn encrypt(&self, slices: &[IoSlice<'_>]) -> io::Result<Records> {
        let mut tls = self.tls.lock();
        let plain = tls.writer().write_vectored(slices)?;
        let records = plain / RECORD_CONTENT + 1;
        let mut bytes = Vec::with_capacity(plain + records * RECORD_OVERHEAD);
        take_records(&mut tls, &mut bytes)?;
        Ok(Records {
            bytes,
            sent: 0,
            plain,
        })
    }

    /// Says that nothing follows, if the socket takes that at once. Nothing may be left unsent.
    pub(crate) fn finish(&self) {
        let mut bytes = Vec::new();
        {
            let mut tls = self.tls.lock();
            tls.send_close_notify();
            // A Vec takes everything.
            let _ = take_records(&mut tls, &mut bytes);
        }
        let _ = self.tcp.try_write(&bytes);
    }
}

fn take_records(tls: &mut ServerConnection, bytes: &mut Vec<u8>) -> io::Result<()> {
    while tls.wants_write() {
        tls.write_tls(bytes)?;
    }
    Ok(())
}

/// Moves what is decrypted; gives how much, and whether the peer says that no more follows.
fn take_plain(tls: &mut ServerConnection, plain: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut filled = 0;
    while filled < plain.len() {
        match tls.reader().read(&mut plain[filled..]) {
            Ok(0) => return Ok((filled, true)),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // The reader of a peer that went without a word; so it is for TCP.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Ok((filled, true));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((filled, false))
}

#[cfg(test)]
pub(crate) mod tests;
