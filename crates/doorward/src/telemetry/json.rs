//! One event as one line of JSON, written in one go.
//!
//! In: an event. Out: `{"timestamp":…,"level":…, the event's fields …,"target":…}`. Must never know: what the fields mean.
//! The formatter of the library writes each character class through four layers; at one line a request that was a fifth of the
//! process's own instructions.

use std::fmt;

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

/// Most lines fit; a longer one grows.
const USUAL_BYTES: usize = 512;

/// Formats events as lines of JSON (RFC 8259), times in UTC with microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut time = String::with_capacity(32);
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        let mut line = Line(Vec::with_capacity(USUAL_BYTES));
        line.0.push(b'{');
        line.put("timestamp", &time);
        line.put("level", event.metadata().level().as_str());
        event.record(&mut line);
        line.put("target", event.metadata().target());
        line.0.extend_from_slice(b"}\n");
        writer.write_str(std::str::from_utf8(&line.0).map_err(|_| fmt::Error)?)
    }
}

/// An object under construction: its opening brace and whole members.
struct Line(Vec<u8>);

impl Line {
    /// Adds a member; one whose value cannot be written is left out, whole.
    fn put(&mut self, name: &str, value: &(impl Serialize + ?Sized)) {
        let before = self.0.len();
        if before > 1 {
            self.0.push(b',');
        }
        let name = serde_json::to_writer(&mut self.0, name);
        self.0.push(b':');
        if name.and_then(|()| serde_json::to_writer(&mut self.0, value)).is_err() {
            self.0.truncate(before);
        }
    }
}

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), &value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), &value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), &value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name(), &format_args!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(act: impl FnOnce()) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer().event_format(JsonLines).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), act);
        let bytes = sink.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn every_kind_of_field_is_a_member_of_one_object() {
        let shown = "displayed \"so\"";
        let text = logged(|| {
            tracing::info!(target: "access", n = 7_u64, minus = -7_i64, yes = true, half = 0.5, shown = %shown, debug = ?Some(1), none = Option::<u64>::None, "said");
        });
        let mut line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'));
        line.as_object_mut().unwrap().remove("timestamp");
        let expected = serde_json::json!({
            "level": "INFO", "message": "said", "n": 7, "minus": -7, "yes": true, "half": 0.5, "shown": shown, "debug": "Some(1)", "target": "access",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn hostile_text_stays_in_its_string_and_on_its_line() {
        let hostile = "a\"b\\c\r\n\u{0}\u{1b}[2J\u{1f6aa}\u{7f}";
        let text = logged(|| tracing::warn!(text = hostile, shown = %hostile, "{hostile}"));
        assert_eq!(text.matches('\n').count(), 1);
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert!(["text", "shown", "message"].iter().all(|name| line[*name] == hostile), "{text}");
    }
}
