use proptest::prelude::*;
use tidings_store::Time;

use super::*;
use crate::webhooks::event::Kind;

fn event(number: u64, topic: &str) -> OutboxEvent {
    OutboxEvent {
        number,
        kind: "message".to_owned(),
        topic: topic.to_owned(),
        body: "{\"n\":1}".to_owned(),
        at: Time::from_millis(255),
    }
}

fn window(topics: &str) -> Window {
    let mut window = Window::new([Kind::Message].into_iter().collect(), 0);
    let topics = topics.chars().map(|it| it.to_string());
    let events = (1..).zip(topics).map(|(number, it)| event(number, &it));
    window.load(events.collect());
    window
}

fn take(window: &mut Window, most: usize) -> Vec<u64> {
    let batch = window.take(most, 1_000);
    batch.map(|it| it.numbers).unwrap_or_default()
}

#[test]
fn an_event_is_sent_with_its_id() {
    let batch = window("aa").take(9, 1_000).unwrap();
    assert_eq!(
        batch.body,
        r#"{"events":[{"id":"1-ff","n":1},{"id":"2-ff","n":1}]}"#
    );
}

#[test]
fn events_of_one_topic_are_on_their_way_in_one_batch_only() {
    let mut window = window("abaacb");
    assert_eq!(take(&mut window, 2), [1, 2]);
    assert_eq!(take(&mut window, 9), [5]);
    assert_eq!(take(&mut window, 9), Vec::<u64>::new());
    assert_eq!(window.waiting(), 3);
    window.delivered(&[5]);
    assert_eq!((take(&mut window, 9), window.passed()), (vec![], 0));
    window.delivered(&[1, 2]);
    assert_eq!(window.passed(), 2);
    assert_eq!(take(&mut window, 2), [3, 4]);
    assert_eq!(take(&mut window, 2), [6]);
    window.delivered(&[6]);
    assert_eq!(window.passed(), 2);
    window.delivered(&[3, 4]);
    assert_eq!((window.passed(), window.size()), (6, (0, 0)));
}

#[test]
fn what_failed_goes_again_before_what_came_after() {
    let mut window = window("aaa");
    assert_eq!(take(&mut window, 2), [1, 2]);
    window.failed(&[1, 2]);
    assert_eq!((window.waiting(), window.passed()), (3, 0));
    assert_eq!(take(&mut window, 9), [1, 2, 3]);
    window.delivered(&[1, 2, 3]);
    // A late answer to what is over changes nothing.
    window.failed(&[1, 2, 3]);
    assert_eq!((window.waiting(), window.passed()), (0, 3));
}

#[test]
fn a_batch_has_so_many_bytes_and_one_event_in_any_case() {
    let mut window = window("abc");
    let one = window.events[0].json.len();
    let batch = window.take(9, one * 2 + 15).unwrap();
    assert_eq!(batch.numbers, [1, 2]);
    assert_eq!(window.take(9, 1).unwrap().numbers, [3]);
}

#[test]
fn one_that_does_not_fit_is_not_overtaken_by_its_topic() {
    let mut window = Window::new([Kind::Message].into_iter().collect(), 0);
    let large = OutboxEvent {
        body: format!("{{\"n\":\"{}\"}}", "x".repeat(200)),
        ..event(2, "b")
    };
    window.load(vec![event(1, "a"), large, event(3, "b"), event(4, "c")]);
    assert_eq!(window.take(9, 100).unwrap().numbers, [1, 4]);
    assert_eq!(window.take(9, 1_000).unwrap().numbers, [2, 3]);
}

#[test]
fn what_is_not_wanted_is_passed() {
    let mut window = Window::new([Kind::Message].into_iter().collect(), 4);
    let other = |number| OutboxEvent {
        kind: "connect".to_owned(),
        ..event(number, "a")
    };
    window.load(vec![other(5), other(6)]);
    assert_eq!((window.passed(), window.waiting()), (6, 0));
    window.load(vec![event(7, "a"), other(8)]);
    assert_eq!((window.passed(), window.last()), (6, 8));
    assert_eq!(take(&mut window, 9), [7]);
    window.delivered(&[7]);
    assert_eq!(window.passed(), 8);
}

#[test]
fn a_gap_is_told() {
    let mut window = Window::new([Kind::Message].into_iter().collect(), 4);
    window.load(vec![event(8, "a"), event(9, "a")]);
    let batch = window.take(9, 1_000).unwrap();
    assert_eq!(batch.numbers, [7, 8, 9]);
    assert!(
        batch.body.starts_with(
            "{\"events\":[{\"id\":\"7-ff\",\"type\":\"dropped\",\
             \"timestamp\":\"1970-01-01T00:00:00.255Z\",\"count\":3},"
        ),
        "{}",
        batch.body
    );
    window.delivered(&batch.numbers);
    assert_eq!(window.passed(), 9);
}

proptest! {
    /// Whatever fails, and in whatever order answers come, a receiver that drops repeats has every
    /// event once, each topic in its order.
    #[test]
    fn everything_arrives_in_the_order_of_its_topic(
        topics in "[abc]{1,40}", steps in prop::collection::vec((0..4_u8, 1..5_usize), 0..60),
    ) {
        let mut window = window(&topics);
        let mut on_their_way: Vec<Vec<u64>> = Vec::new();
        let mut arrived: Vec<u64> = Vec::new();
        let mut answer = |window: &mut Window, batch: Vec<u64>, well: bool| {
            // It may have arrived, and only the answer be lost.
            for number in &batch {
                if !arrived.contains(number) {
                    arrived.push(*number);
                }
            }
            if well {
                window.delivered(&batch);
            } else {
                window.failed(&batch);
            }
        };
        for (what, count) in steps {
            if what < 2 || on_their_way.is_empty() {
                let batch = take(&mut window, count);
                if !batch.is_empty() {
                    on_their_way.push(batch);
                }
            } else {
                let batch = on_their_way.remove(count % on_their_way.len());
                answer(&mut window, batch, what == 2);
            }
        }
        for batch in on_their_way {
            answer(&mut window, batch, true);
        }
        loop {
            let batch = take(&mut window, 3);
            if batch.is_empty() {
                break;
            }
            answer(&mut window, batch, true);
        }
        prop_assert_eq!(window.passed(), topics.len() as u64);
        for topic in ["a", "b", "c"] {
            let of_topic = |number: &u64| {
                let index = usize::try_from(*number - 1).unwrap();
                topics[index..].starts_with(topic)
            };
            let got: Vec<_> = arrived.iter().copied().filter(of_topic).collect();
            prop_assert!(got.is_sorted(), "{topic}: {got:?}");
        }
        arrived.sort_unstable();
        prop_assert_eq!(arrived, (1..=topics.len() as u64).collect::<Vec<_>>());
    }
}
