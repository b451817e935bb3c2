//! The house that most tests live in: a page, an API, a members' area and four gated UIs, each behind its own recorder.

use doorward_testkit::{Client, EchoUpstream, House, HouseBuilder, INSIDE, OUTSIDE, Reply};

/// Label and header profile of the four UIs of the guide.
pub(crate) const UIS: [(&str, &str); 4] = [("adm", "django-admin"), ("pga", "pgadmin"), ("flw", "flower"), ("dash", "traefik")];

pub(crate) struct Site {
    pub(crate) house: House,
    /// `/`, public.
    pub(crate) web: EchoUpstream,
    /// `/api/`, identified.
    pub(crate) api: EchoUpstream,
    /// `/members/`, signed-in.
    pub(crate) members: EchoUpstream,
    /// Behind the gates, in the order of [`UIS`].
    pub(crate) uis: Vec<EchoUpstream>,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with(|builder| builder)
    }

    pub(crate) fn with(change: impl FnOnce(HouseBuilder) -> HouseBuilder) -> Self {
        let web = EchoUpstream::start("web");
        let api = EchoUpstream::start("api");
        let members = EchoUpstream::start("members");
        let uis: Vec<_> = UIS.iter().map(|(label, _)| EchoUpstream::start(label)).collect();
        let mut builder = House::builder()
            .echo(&web)
            .echo(&api)
            .echo(&members)
            .route("/", "web", "public")
            .route("/api/", "api", "identified")
            .route("/members/", "members", "signed-in");
        for ((label, profile), ui) in UIS.iter().zip(&uis) {
            builder = builder.echo(ui).gate(label, label, profile);
        }
        Self { house: change(builder).start(), web, api, members, uis }
    }

    /// All recorders.
    pub(crate) fn upstreams(&self) -> impl Iterator<Item = &EchoUpstream> {
        [&self.web, &self.api, &self.members].into_iter().chain(&self.uis)
    }

    /// Asserts that nothing reached any upstream, not even an octet.
    #[track_caller]
    pub(crate) fn assert_upstreams_untouched(&self, what: &str) {
        for upstream in self.upstreams() {
            let octets: usize = upstream.octets().iter().map(Vec::len).sum();
            assert_eq!(octets, 0, "{what} reached {}: {:?}", upstream.name(), upstream.requests());
        }
    }

    pub(crate) fn clear(&self) {
        self.upstreams().for_each(EchoUpstream::clear);
    }

    /// A client of a UI from inside.
    pub(crate) fn insider(&self, label: &str) -> Client {
        self.house.client_of(label, INSIDE)
    }

    /// A client of a UI from outside.
    pub(crate) fn outsider(&self, label: &str) -> Client {
        self.house.client_of(label, OUTSIDE)
    }
}

/// Status, fields and body without what differs from one answer to the next.
pub(crate) fn constant_part(reply: &Reply) -> (u16, Vec<(String, String)>, Vec<u8>) {
    let varies = |name: &str| name.eq_ignore_ascii_case("date") || name.eq_ignore_ascii_case("x-request-id");
    let headers = reply.headers.iter().filter(|(name, _)| !varies(name)).cloned().collect();
    (reply.status, headers, reply.body.clone())
}

/// Name and attributes of a `Set-Cookie` value; attribute names in lower case, sorted.
pub(crate) fn cookie_parts(set_cookie: &str) -> (String, String, Vec<(String, String)>) {
    let mut parts = set_cookie.split(';').map(str::trim);
    let (name, value) = parts.next().unwrap().split_once('=').unwrap();
    let mut attributes: Vec<_> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    attributes.sort();
    (name.to_owned(), value.to_owned(), attributes)
}

/// Asserts that a text is somewhere in the files of the data folder, such as the name of an audit event.
#[track_caller]
pub(crate) fn wait_for_stored(house: &House, text: &str) {
    doorward_testkit::until(std::time::Duration::from_secs(10), &format!("{text} in the store"), || {
        let files = doorward_testkit::canary::files_below(&house.data_dir());
        let holds = |path: &std::path::PathBuf| {
            std::fs::read(path).is_ok_and(|bytes| doorward_testkit::canary::contains(&bytes, text.as_bytes()))
        };
        files.iter().any(holds).then_some(())
    });
}
