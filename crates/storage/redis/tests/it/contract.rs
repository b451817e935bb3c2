//! The suite that every implementation of the port passes.

use std::sync::Arc;

use doorward_domain::Counters;
use doorward_domain::throttle::{FallbackCounters, MemoryCounters};
use doorward_testkit::real::Redis;

use crate::support::{counters, sure};

async fn fresh() -> (Arc<dyn Counters>, Redis) {
    let redis = Redis::start();
    (sure(&redis), redis)
}

async fn with_twin() -> (Arc<dyn Counters>, Redis) {
    let redis = Redis::start();
    (Arc::new(FallbackCounters::new(Arc::new(counters(&redis)), MemoryCounters::default())), redis)
}

mod plain {
    use super::fresh;
    doorward_domain::counters_contract!(fresh);
}

mod with_a_twin {
    use super::with_twin;
    doorward_domain::counters_contract!(with_twin);
}
