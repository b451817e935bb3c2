// Scores sites that stand on stdin as JSON with the functions of MDN's HTTP Observatory, and writes what they come to on stdout.
// Each answer goes over a real connection, so that several fields of one name are what the scanner's own library makes of them.

import { createServer } from "node:http";
import { createRequire } from "node:module";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules] = process.argv.slice(2);
const scorer = `${modules}/@mdn/mdn-http-observatory`;
// The list of preloaded hosts is fetched by a script of the package, which is not run: nobody is preloaded here.
const preloaded = `${scorer}/conf/hsts-preload.json`;
if (!existsSync(preloaded)) writeFileSync(preloaded, "{}");

const load = (path) => import(pathToFileURL(`${scorer}/src/${path}`));
const { ALL_TESTS } = await load("constants.js");
const { Requests, HTML_TYPES } = await load("types.js");
const { getGradeForScore, getScoreModifier } = await load("grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await load("grader/charts.js");
const { parseHttpEquivHeaders } = await load("retriever/utils.js");
const require = createRequire(`${scorer}/src/index.js`);
const axios = require("axios");
const { CookieJar } = require("tough-cookie");

/** The answer with these fields as the library gives it. */
async function answer(fields, body) {
  const server = createServer((_, response) => {
    response.sendDate = false;
    response.writeHead(200, fields.flat());
    response.end(body);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  try {
    return await axios.get(`http://127.0.0.1:${server.address().port}/`, { responseType: "text", proxy: false });
  } finally {
    server.close();
  }
}

function route(site) {
  const first = { url: new URL(`http://${site.host}/`), status: 308 };
  if (site.plain === "page") return [first];
  return [first, { url: new URL(site.plain, first.url), status: 200 }];
}

async function score(site) {
  const requests = new Requests(site.host);
  const root = await answer(site.fields, site.body);
  root.verified = site.trusted;
  requests.resources.path = site.body;
  root.httpEquiv = HTML_TYPES.has(root.headers["content-type"]?.split(";")[0])
    ? parseHttpEquivHeaders(site.body, `https://${site.host}/`)
    : new Map();
  const jar = new CookieJar();
  for (const line of root.headers["set-cookie"] ?? []) {
    jar.setCookieSync(line, `https://${site.host}/`, { ignoreError: true });
  }
  requests.session = { url: new URL(`https://${site.host}/`), jar };
  requests.responses.auto = root;
  requests.responses.https = root;
  if (site.plain !== "closed") {
    requests.responses.http = { ...root, verified: site.trusted };
    requests.responses.httpRedirects = route(site);
  }
  if (site.preflight) {
    const cors = await answer(site.preflight.fields, "");
    requests.responses.cors = { ...cors, headers: cors.headers, request: { headers: { origin: site.preflight.origin } } };
  }
  let [whole, penalties] = [100, 100];
  const modifiers = ALL_TESTS.map((test) => {
    const output = test(requests);
    const modifier = getScoreModifier(output.result);
    whole += modifier;
    penalties += Math.min(modifier, 0);
    return { test: output.constructor.name, result: output.result, modifier };
  });
  const { score: value, grade } = getGradeForScore(penalties >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? whole : penalties);
  return { value, grade, modifiers };
}

const sites = JSON.parse(readFileSync(0, "utf8"));
const scores = [];
for (const site of sites) scores.push(await score(site));
process.stdout.write(JSON.stringify(scores), () => process.exit(0));
