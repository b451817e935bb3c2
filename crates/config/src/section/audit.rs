//! `[audit]`

use super::Scene;
use crate::model::Audit;
use crate::reader::{Problem, Section};
use crate::value;

const DAY: u64 = 86_400;

pub(crate) fn audit(section: &Section<'_>, scene: &Scene<'_>) -> Option<Audit> {
    let usual = Audit::default();
    let retention = section.or("retention", usual.retention, |item| value::duration(item, &value::seconds(30 * DAY, 3650 * DAY)));
    let file = section.maybe("file", |item| value::path(item, scene.base));
    let file_max_mib = section.maybe("file_max_mib", |item| item.whole(1..=4096));
    let anchor_file = section.maybe("anchor_file", |item| value::path(item, scene.base));
    section.finish();
    let (file, file_max_mib, anchor_file) = (file?, file_max_mib?, anchor_file?);
    if let (None, Some(size)) = (&file, &file_max_mib) {
        section.reader.blame(size, Problem::new("means nothing without file", "set file, or remove this"));
        return None;
    }
    if let (Some(file), Some(anchor)) = (&file, &anchor_file)
        && file.value == anchor.value
    {
        section.reader.blame(anchor, Problem::new("is the file of the entries", "an anchor beside the entries guards nothing"));
        return None;
    }
    Some(Audit {
        retention: retention?,
        file: file.map(|file| file.value),
        file_max_mib: file_max_mib.map_or(usual.file_max_mib, |size| size.value),
        anchor_file: anchor_file.map(|file| file.value),
    })
}
