//! A user with two devices, who knows what others have to see.

use std::time::{Duration, Instant};

use fastrand::Rng;
use serde_json::json;
use tokio::sync::watch;

use super::{GRACE, PATIENCE, Presence, Setting, sign_in};
use crate::client::Client;

const PREFIX: &str = "user-";

pub(super) struct User {
    number: usize,
    setting: Setting,
    rng: Rng,
    /// How many of its events the observer has heard.
    heard: watch::Receiver<usize>,
    devices: [Option<Device>; 2],
    invisible: bool,
    /// Whether others take the user for online.
    shown: bool,
    /// When the last device was lost.
    lost: Instant,
    /// Whether the user was online or offline, in the order in which others have to hear it.
    pub(super) expected: Vec<bool>,
    pub(super) connected: usize,
    pub(super) chosen: usize,
    pub(super) back_in_time: usize,
    /// How often it was so late that the server may have given it up. Nothing exact is known then.
    pub(super) late: usize,
    pub(super) stayed_away: usize,
    /// The longest time from the loss of the last device until others heard of it.
    pub(super) longest_offline: Duration,
}

struct Device {
    client: Client,
    away: bool,
}

impl User {
    pub(super) fn new(
        number: usize,
        setting: Setting,
        rng: Rng,
        heard: watch::Receiver<usize>,
    ) -> Self {
        Self {
            number,
            setting,
            rng,
            heard,
            devices: [None, None],
            invisible: false,
            shown: false,
            lost: Instant::now(),
            expected: Vec::new(),
            connected: 0,
            chosen: 0,
            back_in_time: 0,
            late: 0,
            stayed_away: 0,
            longest_offline: Duration::ZERO,
        }
    }

    pub(super) fn id(&self) -> String {
        format!("{PREFIX}{}", self.number)
    }

    /// Which user has that id.
    pub(super) fn number_of(id: &str) -> Option<usize> {
        id.strip_prefix(PREFIX)?.parse().ok()
    }

    /// What others have to see, once every grace has passed.
    pub(super) fn presence(&self) -> Presence {
        let devices = || self.devices.iter().flatten();
        let status = if self.invisible || devices().count() == 0 {
            "offline"
        } else if devices().all(|it| it.away) {
            "away"
        } else {
            "online"
        };
        Presence {
            status: status.to_owned(),
            devices: match status {
                "offline" => 0,
                _ => devices().count() as u64,
            },
        }
    }

    /// Does this and that until the end, and stays as it is then.
    pub(super) async fn live(mut self) -> Self {
        self.pause(self.setting.pause).await;
        self.connect(0).await;
        while Instant::now() < self.setting.end {
            self.pause(self.setting.pause).await;
            let device = self.rng.usize(..2);
            match self.rng.u8(..8) {
                0 | 1 => self.connect(device).await,
                2 => self.lose_one(device),
                3 => self.blink(&[device]).await,
                4 => self.blink(&[0, 1]).await,
                5 => self.stay_away().await,
                _ => self.choose(device).await,
            }
        }
        if self.rng.bool() {
            self.lose(0);
            self.lose(1);
            self.show();
        }
        self
    }

    async fn pause(&mut self, most: Duration) {
        tokio::time::sleep(most.mul_f64(self.rng.f64())).await;
    }

    fn is_connected(&self) -> bool {
        self.devices.iter().any(Option::is_some)
    }

    /// Notes what others hear when all is as it is now.
    fn show(&mut self) {
        let shown = self.is_connected() && !self.invisible;
        if shown != self.shown {
            self.expected.push(shown);
            self.shown = shown;
        }
    }

    async fn connect(&mut self, device: usize) {
        if self.devices[device].is_some() {
            return;
        }
        let was_connected = self.is_connected();
        let client = sign_in(&self.setting.address, &self.id()).await;
        self.devices[device] = Some(Device {
            client,
            away: false,
        });
        self.connected += 1;
        if !was_connected && self.connected > 1 && self.lost.elapsed() > GRACE.mul_f64(0.7) {
            // Whoever is given up begins anew, and is no longer invisible.
            self.late += usize::from(self.shown);
            if self.invisible {
                self.set(device, "online").await;
            }
        }
        self.show();
    }

    /// Breaks a connection off, without a goodbye.
    fn lose(&mut self, device: usize) {
        if self.devices[device].is_some() {
            // Before, since much may happen between the two.
            self.lost = Instant::now();
            self.devices[device] = None;
        }
    }

    /// Loses a device, if there is another one.
    fn lose_one(&mut self, device: usize) {
        if self.devices.iter().all(Option::is_some) {
            self.lose(device);
        }
    }

    /// Loses devices, and is back with them at once: nothing that others would hear of.
    async fn blink(&mut self, devices: &[usize]) {
        let had = devices.iter().copied();
        let had: Vec<_> = had.filter(|it| self.devices[*it].is_some()).collect();
        for device in &had {
            self.lose(*device);
        }
        self.pause(GRACE / 10).await;
        for device in had {
            let late = self.late;
            self.connect(device).await;
            self.back_in_time += usize::from(self.late == late);
        }
    }

    /// Loses all devices, and comes back when others have heard that the user is offline.
    async fn stay_away(&mut self) {
        if !self.shown || self.late > 0 {
            return;
        }
        self.lose(0);
        self.lose(1);
        self.show();
        let expected = self.expected.len();
        let heard = self.heard.wait_for(|heard| *heard >= expected);
        let heard = tokio::time::timeout(PATIENCE, heard).await;
        heard
            .expect("others hear of it in time")
            .expect("the observer goes on");
        let offline = self.lost.elapsed();
        assert!(
            offline >= GRACE,
            "{}: given up too early, after {offline:?}",
            self.id()
        );
        self.longest_offline = self.longest_offline.max(offline);
        self.stayed_away += 1;
        self.pause(self.setting.pause).await;
        self.connect(0).await;
    }

    async fn choose(&mut self, device: usize) {
        let status = ["online", "away", "invisible"][self.rng.usize(..3)];
        if self.devices[device].is_some() {
            self.set(device, status).await;
            self.show();
        }
    }

    async fn set(&mut self, device: usize, status: &str) {
        let Some(device) = &mut self.devices[device] else {
            return;
        };
        let set = json!({ "status": status });
        let answer = device.client.ask("presence:set", set).await;
        assert_eq!(answer["success"], true, "{answer}");
        self.chosen += 1;
        self.invisible = status == "invisible";
        if !self.invisible {
            device.away = status == "away";
        }
    }
}
