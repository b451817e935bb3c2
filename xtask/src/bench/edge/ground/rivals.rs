//! The configurations of the others: the same certificate, headers, upstream and access log; below `/members/` they ask a service first.

use super::{ANSWER, Ground, HEADERS, KNOWN};

impl Ground {
    pub(super) fn upstream_conf(&self) -> String {
        let body = format!("{ANSWER} {}", "x".repeat(1000));
        let server = format!(
            "server {{ listen 127.0.0.1:{}; keepalive_requests 10000000; access_log off; default_type text/plain; \
             location = /ok {{ return 200; }} location / {{ return 200 \"{body}\"; }} }}",
            self.upstream
        );
        nginx_frame("upstream", &server)
    }

    pub(super) fn nginx_conf(&self) -> String {
        let headers: String =
            HEADERS.iter().map(|(name, value)| format!("    add_header {name} \"{value}\" always;\n")).collect();
        let forward = "proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; proxy_set_header Host $host; \
             proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme; proxy_set_header X-Forwarded-Host $host; \
             proxy_set_header X-Request-Id $request_id;";
        let http = format!(
            r#"log_format json escape=json '{{"time":"$time_iso8601","client":"$remote_addr","method":"$request_method","path":"$uri","status":$status,"bytes":$body_bytes_sent,"seconds":$request_time,"id":"$request_id"}}';
  access_log nginx.access.log json;
  upstream app {{ server 127.0.0.1:{upstream}; keepalive 64; keepalive_requests 10000000; }}
  server {{
    listen 127.0.0.1:{tls} ssl http2;
    listen 127.0.0.1:{plain};
    server_name localhost;
    server_tokens off;
    keepalive_requests 10000000;
    keepalive_timeout 300s;
    ssl_certificate site.pem;
    ssl_certificate_key site.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    add_header x-request-id $request_id always;
{headers}    location / {{ {forward} }}
    location {KNOWN} {{ auth_request /_known; {forward} }}
    location = /_known {{
      internal; proxy_pass http://app/ok; proxy_http_version 1.1; proxy_pass_request_body off;
      proxy_set_header Connection ""; proxy_set_header Content-Length "";
    }}
  }}"#,
            upstream = self.upstream,
            tls = self.nginx.tls,
            plain = self.nginx.plain,
        );
        nginx_frame("nginx", &http)
    }

    pub(super) fn haproxy_cfg(&self) -> String {
        let headers: String =
            HEADERS.iter().map(|(name, value)| format!("  http-response set-header {name} \"{value}\"\n")).collect();
        format!(
            "global\n  nbthread 1\n  no strict-limits\n  maxconn 16000\n  log stdout format raw local0\n  ssl-default-bind-options ssl-min-ver TLSv1.2\n\n\
             defaults\n  mode http\n  log global\n  timeout connect 2s\n  timeout client 300s\n  timeout http-keep-alive 300s\n  timeout server 30s\n\n\
             frontend site\n  bind 127.0.0.1:{tls} ssl crt {crt} alpn h2,http/1.1\n  bind 127.0.0.1:{plain}\n  maxconn 16000\n\
             \x20 unique-id-format %[uuid()]\n  unique-id-header x-request-id\n\
             \x20 log-format '{{\"time\":\"%t\",\"client\":\"%ci\",\"method\":\"%HM\",\"path\":\"%HP\",\"status\":%ST,\"bytes\":%B,\"ms\":%Ta,\"id\":\"%ID\"}}'\n\
             \x20 http-request set-header X-Forwarded-Proto https\n  http-request set-header X-Forwarded-Host %[req.hdr(host)]\n  option forwardfor\n\
             \x20 http-response set-header x-request-id %[unique-id]\n{headers}  default_backend app\n\n\
             backend app\n  http-reuse always\n  server app 127.0.0.1:{upstream}\n",
            tls = self.haproxy.tls,
            plain = self.haproxy.plain,
            crt = self.file("both.pem").display(),
            upstream = self.upstream
        )
    }

    pub(super) fn caddyfile(&self) -> String {
        let headers: String = HEADERS.iter().map(|(name, value)| format!("    {name} \"{value}\"\n")).collect();
        let (upstream, folder) = (self.upstream, self.folder().display());
        let site = format!(
            "  bind 127.0.0.1\n  log {{\n    output file {folder}/caddy.access.log {{\n      roll_disabled\n    }}\n    format json\n  }}\n\
             \x20 header {{\n    x-request-id {{http.request.uuid}}\n    defer\n{headers}  }}\n\
             \x20 handle {KNOWN}* {{\n    forward_auth 127.0.0.1:{upstream} {{\n      uri /ok\n    }}\n    reverse_proxy 127.0.0.1:{upstream}\n  }}\n\
             \x20 handle {{\n    reverse_proxy 127.0.0.1:{upstream}\n  }}\n"
        );
        format!(
            "{{\n  admin off\n  auto_https off\n  log {{\n    level ERROR\n  }}\n}}\n\
             https://localhost:{tls} {{\n  tls {folder}/site.pem {folder}/site.key\n{site}}}\nhttp://localhost:{plain} {{\n{site}}}\n",
            tls = self.caddy.tls,
            plain = self.caddy.plain
        )
    }

    pub(super) fn traefik_yml(&self) -> String {
        format!(
            "global: {{checkNewVersion: false, sendAnonymousUsage: false}}\n\
             log: {{level: ERROR}}\n\
             entryPoints:\n  websecure: {{address: \"127.0.0.1:{}\"}}\n  web: {{address: \"127.0.0.1:{}\"}}\n\
             accessLog: {{filePath: \"{}\", format: json}}\n\
             providers:\n  file: {{filename: \"{}\", watch: false}}\n",
            self.traefik.tls,
            self.traefik.plain,
            self.file("traefik.access.log").display(),
            self.file("site.yml").display()
        )
    }

    pub(super) fn site_yml(&self) -> String {
        let headers: String = HEADERS.iter().map(|(name, value)| format!("          {name}: \"{value}\"\n")).collect();
        let router = |name: &str, entry: &str, rule: &str, tls: &str, known: &str| {
            format!(
                "    {name}: {{rule: \"{rule}\", entryPoints: [{entry}], service: app{tls}, middlewares: [headers{known}]}}\n"
            )
        };
        let host = "Host(`localhost`)";
        let known = format!("{host} && PathPrefix(`{KNOWN}`)");
        let routers = [
            router("app", "websecure", host, ", tls: {}", ""),
            router("plain", "web", host, "", ""),
            router("known", "websecure", &known, ", tls: {}", ", known"),
        ]
        .concat();
        format!(
            "tls:\n  certificates:\n    - {{certFile: \"{pem}\", keyFile: \"{key}\"}}\n  options: {{default: {{minVersion: VersionTLS12}}}}\n\
             http:\n  routers:\n{routers}\
             \x20 services:\n    app: {{loadBalancer: {{servers: [{{url: \"http://127.0.0.1:{upstream}\"}}]}}}}\n\
             \x20 middlewares:\n    known: {{forwardAuth: {{address: \"http://127.0.0.1:{upstream}/ok\"}}}}\n\
             \x20   headers:\n      headers:\n        customResponseHeaders:\n{headers}",
            pem = self.file("site.pem").display(),
            key = self.file("site.key").display(),
            upstream = self.upstream
        )
    }
}

fn nginx_frame(name: &str, http: &str) -> String {
    format!(
        "daemon off;\nworker_processes 1;\nworker_rlimit_nofile 30000;\npid {name}.pid;\nerror_log {name}.error.log error;\nevents {{ worker_connections 25000; }}\n\
         http {{\n  client_body_temp_path tmp;\n  proxy_temp_path tmp;\n  fastcgi_temp_path tmp;\n  uwsgi_temp_path tmp;\n  scgi_temp_path tmp;\n  {http}\n}}\n"
    )
}
