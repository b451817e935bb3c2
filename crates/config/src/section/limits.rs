//! `[limits]`: every scope by its name (APP-RL-13), and how long a WebSocket may stay open.

use std::num::NonZeroU32;
use std::time::Duration;

use super::Scene;
use crate::model::{Limit, SCOPES, Tunnels};
use crate::reader::{Item, Problem, Section};
use crate::value;

/// How many times laxer than its default a scope may be outside development.
const LAXER: u128 = 100;

pub(crate) fn limits(section: &Section<'_>, scene: &Scene<'_>) -> Option<(Vec<Limit>, Tunnels)> {
    let mut all = Some(Vec::with_capacity(SCOPES.len()));
    for (scope, default) in SCOPES {
        let limit = limit(section, scope, default, scene);
        all = all.zip(limit).map(|(mut list, limit)| {
            list.push(limit);
            list
        });
    }
    let tunnels = tunnels(section);
    section.finish();
    all.zip(tunnels)
}

fn tunnels(section: &Section<'_>) -> Option<Tunnels> {
    let usual = Tunnels::default();
    let time = |key, default, from, to| section.or(key, default, |item| value::duration(item, &value::seconds(from, to)));
    let max_age = time("websocket_max_age", usual.max_age, 60, 7 * 24 * 3600);
    let idle = time("websocket_idle", usual.idle, 10, 24 * 3600);
    Some(Tunnels { max_age: max_age?, idle: idle? })
}

fn limit(section: &Section<'_>, scope: &'static str, default: &str, scene: &Scene<'_>) -> Option<Limit> {
    let usual = value::quota(default).ok()?;
    let (count, window) = section.or(scope, usual, |item| quota(item, usual, scene))?;
    Some(Limit { scope, count, window })
}

fn quota(item: &Item<'_>, usual: (NonZeroU32, Duration), scene: &Scene<'_>) -> Result<(NonZeroU32, Duration), Problem> {
    let (count, window) = match item {
        Item::File(toml::de::DeValue::Boolean(_)) => {
            return Err(Problem::new("cannot be switched off", "a quota such as \"5/min\""));
        }
        _ => value::quota(item.text()?)?,
    };
    let rate = |count: NonZeroU32, other: Duration| u128::from(count.get()) * other.as_millis();
    if !scene.is_development() && rate(count, usual.1) > LAXER * rate(usual.0, window) {
        let hint =
            format!("the default is {}/{}; at most {LAXER} times that outside development", usual.0, value::spoken(usual.1));
        return Err(Problem::new("is no limit any more", hint));
    }
    Ok((count, window))
}
