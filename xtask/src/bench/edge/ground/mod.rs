//! The folder of one benchmark run: a certificate and every server's configuration.

mod doorward;
mod rivals;

use std::path::{Path, PathBuf};

use crate::{
    bench::secrets::{self, free_port},
    error::TaskError,
    tree,
};

/// What the common upstream says, in a body padded to about 1 KiB.
pub(crate) const ANSWER: &str = "the upstream's answer";
/// Below this only those may ask who are known: to Doorward by their session, to the others because a service said 200.
pub(crate) const KNOWN: &str = "/members/";

/// The headers that all servers set; Doorward's come from its policy and are only looked for.
pub(crate) const HEADERS: &[(&str, &str)] = &[
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; \
         manifest-src 'self'; worker-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         upgrade-insecure-requests; report-uri /api/csp-report; report-to csp",
    ),
    (
        "permissions-policy",
        "accelerometer=(), ambient-light-sensor=(), autoplay=(), bluetooth=(), camera=(), display-capture=(), encrypted-media=(), \
         fullscreen=(self), geolocation=(), gyroscope=(), hid=(), idle-detection=(), magnetometer=(), microphone=(), midi=(), \
         payment=(), picture-in-picture=(), publickey-credentials-get=(self), screen-wake-lock=(), serial=(), usb=(), web-share=(), \
         xr-spatial-tracking=()",
    ),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("origin-agent-cluster", "?1"),
    ("cache-control", "no-cache"),
    ("reporting-endpoints", "csp='/api/csp-report'"),
];

/// Where one server listens, on loopback.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports {
    /// TLS.
    pub(crate) tls: u16,
    /// Plain.
    pub(crate) plain: u16,
}

impl Ports {
    fn free() -> Result<Self, TaskError> {
        Ok(Self { tls: free_port()?, plain: free_port()? })
    }
}

/// A prepared folder.
pub(crate) struct Ground {
    folder: PathBuf,
    /// Where the common upstream listens; `/ok` there is the service that lets everybody in.
    pub(crate) upstream: u16,
    pub(crate) doorward: Ports,
    pub(crate) nginx: Ports,
    pub(crate) haproxy: Ports,
    pub(crate) caddy: Ports,
    pub(crate) traefik: Ports,
}

impl Ground {
    /// Makes the folder anew and writes everything into it.
    pub(crate) fn prepare() -> Result<Self, TaskError> {
        let ground = Self {
            folder: secrets::fresh_folder("edge")?,
            upstream: free_port()?,
            doorward: Ports::free()?,
            nginx: Ports::free()?,
            haproxy: Ports::free()?,
            caddy: Ports::free()?,
            traefik: Ports::free()?,
        };
        secrets::write(&ground.folder)?;
        let both = tree::read(&ground.file("site.pem"))? + &tree::read(&ground.file("site.key"))?;
        tree::write(&ground.file("both.pem"), &both)?;
        for (name, text) in [
            ("upstream.conf", ground.upstream_conf()),
            ("nginx.conf", ground.nginx_conf()),
            ("haproxy.cfg", ground.haproxy_cfg()),
            ("Caddyfile", ground.caddyfile()),
            ("traefik.yml", ground.traefik_yml()),
            ("site.yml", ground.site_yml()),
            ("doorward.toml", ground.doorward_toml(true)),
            ("besieged.toml", ground.doorward_toml(false)),
        ] {
            tree::write(&ground.file(name), &text)?;
        }
        Ok(ground)
    }

    /// The folder itself.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in it.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
