#include "api/page.h"

namespace penstock::api {
namespace {

constexpr std::string_view kHtml = R"html(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Penstock</title>
<link rel="stylesheet" href="/console.css">
<script src="/console.js" defer></script>
</head>
<body>
<header>
<h1>Penstock</h1>
<p id="ready" role="status">asking&hellip;</p>
</header>
<main>
<section>
<h2>Node</h2>
<table id="status"><tbody></tbody></table>
</section>
<section class="wide">
<h2>Sinks</h2>
<table id="sinks"><thead></thead><tbody></tbody></table>
</section>
<section class="wide">
<h2>Device</h2>
<form id="ask">
<label>Device id <input id="device" name="device" autocomplete="off" list="devices"></label>
<datalist id="devices"></datalist>
<button>Latest state</button>
</form>
<pre id="latest"></pre>
</section>
<section class="wide">
<h2>Newest records <span id="rate"></span></h2>
<table id="tail">
<thead><tr><th>Received</th><th>Stream</th><th>Device</th><th>Status</th><th>Score</th><th>Record</th></tr></thead>
<tbody></tbody>
</table>
<p id="tail-note"></p>
</section>
</main>
<footer><a href="/metrics">metrics</a> <a href="/ready">ready</a> <a href="/v1/devices">devices</a></footer>
</body>
</html>
)html";

constexpr std::string_view kCss =
    R"css(:root { color-scheme: light dark; font: 15px/1.45 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 78rem; padding: 1rem; }
header { display: flex; gap: 1rem; align-items: baseline; flex-wrap: wrap; }
h1 { font-size: 1.4rem; margin: 0; }
h2 { font-size: 1rem; margin: 1.2rem 0 .4rem; }
main { display: grid; grid-template-columns: 1fr 1fr; gap: 0 2rem; }
.wide { grid-column: 1 / -1; }
table { border-collapse: collapse; width: 100%; table-layout: auto; }
td, th {
  text-align: left; padding: .15rem .6rem .15rem 0; vertical-align: top; overflow-wrap: anywhere;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent);
}
th { font-weight: 600; }
#tail td, pre { font: 12px/1.4 ui-monospace, monospace; }
pre { white-space: pre-wrap; overflow-wrap: anywhere; }
.good { color: #1a7f37; }
.bad { color: #cf222e; font-weight: 600; }
#rate, #tail-note { opacity: .7; font-weight: 400; }
@media (max-width: 50rem) { main { grid-template-columns: 1fr; } }
)css";

constexpr std::string_view kJs = R"js('use strict';
const byId = (id) => document.getElementById(id);

function cell(row, text, className) {
  const td = row.insertCell();
  td.textContent = text;
  if (className) td.className = className;
}

function flatten(prefix, value, out) {
  if (value !== null && typeof value === 'object') {
    for (const [key, inner] of Object.entries(value)) flatten(prefix ? prefix + '.' + key : key, inner, out);
  } else {
    out.push([prefix, value === null ? '' : String(value)]);
  }
}

function showTable(id, data) {
  const rows = [];
  flatten('', data, rows);
  const body = document.createElement('tbody');
  for (const [key, value] of rows.slice(0, 400)) {
    const row = body.insertRow();
    cell(row, key);
    cell(row, value);
  }
  byId(id).tBodies[0].replaceWith(body);
}

// A row an item, a column a key.
function showList(id, list) {
  const keys = [...new Set(list.flatMap((item) => Object.keys(item)))];
  const head = document.createElement('thead');
  const names = head.insertRow();
  for (const key of keys) {
    const th = document.createElement('th');
    th.textContent = key;
    names.append(th);
  }
  const body = document.createElement('tbody');
  for (const item of list.slice(0, 400)) {
    const row = body.insertRow();
    for (const key of keys) {
      const value = item[key];
      cell(row, value === null || value === undefined ? '' : typeof value === 'object' ? JSON.stringify(value) : value);
    }
  }
  byId(id).tHead.replaceWith(head);
  byId(id).tBodies[0].replaceWith(body);
}

async function ask(path) {
  const answer = await fetch(path, { cache: 'no-store', signal: AbortSignal.timeout(10000) });
  return { ok: answer.ok, data: await answer.json() };
}

async function refresh() {
  const ready = byId('ready');
  try {
    const state = await ask('/ready');
    const reasons = (state.data.reasons || []).map((r) => r.code + ': ' + r.message).join('; ');
    ready.textContent = (state.data.ready ? 'takes records' : 'not ready') + (reasons ? ' (' + reasons + ')' : '');
    ready.className = state.data.ready ? 'good' : 'bad';
    showTable('status', (await ask('/v1/status')).data);
    showList('sinks', (await ask('/v1/sinks')).data);
  } catch (error) {
    ready.textContent = 'the node does not answer';
    ready.className = 'bad';
  }
  setTimeout(refresh, 2000);
}

const newest = [];
let seen = 0;

function follow() {
  const source = new EventSource('/v1/tail');
  source.onmessage = (event) => {
    ++seen;
    newest.unshift(event.data);
    if (newest.length > 40) newest.pop();
  };
  source.addEventListener('cut', () => {
    byId('tail-note').textContent = 'too many records for this page: some are not shown';
  });
}

function showTail() {
  byId('rate').textContent = seen ? seen + ' a second' : '';
  seen = 0;
  const body = document.createElement('tbody');
  for (const text of newest) {
    let record;
    try { record = JSON.parse(text); } catch (error) { continue; }
    const meta = record._penstock || {};
    delete record._penstock;
    const row = body.insertRow();
    cell(row, meta.receivedAt || '');
    cell(row, meta.stream || '');
    cell(row, meta.device || '');
    cell(row, meta.status || '');
    cell(row, meta.score === undefined ? '' : Number(meta.score).toFixed(3));
    cell(row, JSON.stringify(record).slice(0, 400));
  }
  byId('tail').tBodies[0].replaceWith(body);
}

async function listDevices() {
  try {
    const page = await ask('/v1/devices?limit=200');
    const list = byId('devices');
    list.replaceChildren(...(page.data.devices || []).map((device) => {
      const option = document.createElement('option');
      option.value = device.device;
      return option;
    }));
  } catch (error) { /* the next refresh shows that nobody answers */ }
}

byId('ask').addEventListener('submit', async (event) => {
  event.preventDefault();
  const answer = byId('latest');
  try {
    const found = await ask('/v1/devices/' + encodeURIComponent(byId('device').value) + '/latest');
    answer.textContent = JSON.stringify(found.data, null, 2);
  } catch (error) {
    answer.textContent = 'the node does not answer';
  }
});
byId('device').addEventListener('focus', listDevices);
refresh();
follow();
setInterval(showTail, 1000);
)js";

}  // namespace

std::optional<Asset> asset(std::string_view path) noexcept {
    if (path == "/") return Asset{"text/html; charset=utf-8", kHtml};
    if (path == "/console.css") return Asset{"text/css; charset=utf-8", kCss};
    if (path == "/console.js") return Asset{"text/javascript; charset=utf-8", kJs};
    return std::nullopt;
}

}  // namespace penstock::api
