//! The folder of one benchmark run: a certificate and every server's configuration.

use std::path::{Path, PathBuf};

use crate::{
    bench::secrets::{self, free_port},
    error::TaskError,
    tree,
};

/// What the common upstream says, in a body padded to about 1 KiB.
pub(crate) const ANSWER: &str = "the upstream's answer";

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

/// Where everybody listens, on loopback.
pub(crate) struct Ports {
    pub(crate) upstream: u16,
    pub(crate) doorward: u16,
    pub(crate) nginx: u16,
    pub(crate) traefik: u16,
}

/// A prepared folder.
pub(crate) struct Ground {
    folder: PathBuf,
    /// Chosen free.
    pub(crate) ports: Ports,
}

impl Ground {
    /// Makes the folder anew and writes everything into it.
    pub(crate) fn prepare() -> Result<Self, TaskError> {
        let folder = secrets::fresh_folder("edge")?;
        let ports = Ports { upstream: free_port()?, doorward: free_port()?, nginx: free_port()?, traefik: free_port()? };
        let ground = Self { folder, ports };
        secrets::write(&ground.folder)?;
        ground.write("upstream.conf", &ground.upstream_conf())?;
        ground.write("nginx.conf", &ground.nginx_conf())?;
        ground.write("traefik.yml", &ground.traefik_yml())?;
        ground.write("site.yml", &ground.site_yml())?;
        ground.write("doorward.toml", &ground.doorward_toml())?;
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

    fn write(&self, name: &str, text: &str) -> Result<(), TaskError> {
        tree::write(&self.file(name), text)
    }

    fn upstream_conf(&self) -> String {
        let body = format!("{ANSWER} {}", "x".repeat(1000));
        let server = format!(
            "server {{ listen 127.0.0.1:{}; keepalive_requests 10000000; access_log off; default_type text/plain; return 200 \"{body}\"; }}",
            self.ports.upstream
        );
        nginx_frame("upstream", &server)
    }

    fn nginx_conf(&self) -> String {
        let headers: String =
            HEADERS.iter().map(|(name, value)| format!("      add_header {name} \"{value}\" always;\n")).collect();
        let http = format!(
            r#"log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"id":"$request_id"}}';
  access_log nginx.access.log json;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{port} ssl;
    server_name localhost;
    server_tokens off;
    keepalive_requests 10000000;
    ssl_certificate site.pem;
    ssl_certificate_key site.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    location / {{
      add_header x-request-id $request_id always;
{headers}      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_set_header X-Forwarded-Proto https;
      proxy_set_header X-Forwarded-Host $host;
      proxy_set_header X-Request-Id $request_id;
    }}
  }}"#,
            upstream = self.ports.upstream,
            port = self.ports.nginx,
        );
        nginx_frame("nginx", &http)
    }

    fn traefik_yml(&self) -> String {
        format!(
            "global: {{checkNewVersion: false, sendAnonymousUsage: false}}\n\
             log: {{level: ERROR}}\n\
             entryPoints:\n  websecure: {{address: \"127.0.0.1:{}\"}}\n\
             accessLog: {{filePath: \"{}\", format: json}}\n\
             providers:\n  file: {{filename: \"{}\", watch: false}}\n",
            self.ports.traefik,
            self.file("traefik.access.log").display(),
            self.file("site.yml").display()
        )
    }

    fn site_yml(&self) -> String {
        let headers: String = HEADERS.iter().map(|(name, value)| format!("          {name}: \"{value}\"\n")).collect();
        format!(
            "tls:\n  certificates:\n    - {{certFile: \"{}\", keyFile: \"{}\"}}\n  options: {{default: {{minVersion: VersionTLS12}}}}\n\
             http:\n  routers:\n    app: {{rule: \"Host(`localhost`)\", entryPoints: [websecure], service: app, tls: {{}}, middlewares: [headers]}}\n\
             \x20 services:\n    app: {{loadBalancer: {{servers: [{{url: \"http://127.0.0.1:{}\"}}]}}}}\n\
             \x20 middlewares:\n    headers:\n      headers:\n        customResponseHeaders:\n{headers}",
            self.file("site.pem").display(),
            self.file("site.key").display(),
            self.ports.upstream
        )
    }

    fn doorward_toml(&self) -> String {
        format!(
            "version = 1\n\n[site]\norigin = \"https://localhost:{port}\"\nenv = \"development\"\ndata_dir = \"data\"\nkey_file = \"master.key\"\n\n\
             [listen]\nhttps = [\"127.0.0.1:{port}\"]\n\n[tls]\nsource = \"files\"\ncertificate = \"site.pem\"\nkey = \"site.key\"\n\n\
             [mail]\nurl = \"file\"\nfrom = \"Bench <no-reply@localhost.test>\"\n\n\
             [[upstream]]\nname = \"web\"\nurl = \"http://127.0.0.1:{upstream}\"\n\n\
             [[route]]\npath = \"/\"\nupstream = \"web\"\naccess = \"public\"\n\n\
             # A limit so wide that it counts every request and refuses none; only development lets it load.\n[limits]\nedge = \"1000000/s\"\n",
            port = self.ports.doorward,
            upstream = self.ports.upstream
        )
    }
}

fn nginx_frame(name: &str, http: &str) -> String {
    format!(
        "daemon off;\nworker_processes 1;\npid {name}.pid;\nerror_log {name}.error.log error;\nevents {{ worker_connections 1024; }}\n\
         http {{\n  client_body_temp_path tmp;\n  proxy_temp_path tmp;\n  fastcgi_temp_path tmp;\n  uwsgi_temp_path tmp;\n  scgi_temp_path tmp;\n  {http}\n}}\n"
    )
}
