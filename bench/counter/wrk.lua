-- One increment after the other on each connection, for COUNTER_SECONDS; then connections stay silent, so that nothing
-- is under way when wrk ends and every increment that was made has been answered. Thread i talks to the i-th of
-- COUNTER_ADDRESSES, by turns. With COUNTER_VALUES the values that were answered are kept, to find one that came twice.
local ffi = require("ffi")
ffi.cdef [[
  typedef struct { long seconds; long micros; } counter_time;
  int gettimeofday(counter_time *now, void *zone);
]]

local time = ffi.new("counter_time")
local threads = {}
local seconds = tonumber(os.getenv("COUNTER_SECONDS"))
local silent_ms = 3600000

wrk.method = "POST"

local function now()
  ffi.C.gettimeofday(time, nil)
  return tonumber(time.seconds) + tonumber(time.micros) / 1e6
end

function setup(thread)
  local addresses = {}
  for host, port in os.getenv("COUNTER_ADDRESSES"):gmatch("([^,]+):(%d+)") do
    addresses[#addresses + 1] = wrk.lookup(host, port)[1]
  end
  thread.addr = addresses[#threads % #addresses + 1]
  threads[#threads + 1] = thread
end

function init(args)
  started = now()
  -- Requests that were sent in each second.
  sent = {}
  statuses = {}
  values = {}
end

function delay()
  local at = now() - started
  if at >= seconds then return silent_ms end
  local second = math.floor(at) + 1
  sent[second] = (sent[second] or 0) + 1
  return 0
end

if os.getenv("COUNTER_VALUES") then
  function response(status, headers, body)
    local key = tostring(status)
    statuses[key] = (statuses[key] or 0) + 1
    if status == 200 then values[#values + 1] = tonumber(body:match('"value": *(%d+)')) end
  end
end

local function sum_into(sums, more)
  for key, count in pairs(more) do sums[key] = (sums[key] or 0) + count end
end

local concat = table.concat
local function pairs_of(counts)
  local texts = {}
  for key, count in pairs(counts) do texts[#texts + 1] = string.format('"%s":%d', key, count) end
  return "{" .. concat(texts, ",") .. "}"
end

function done(summary, latency, requests)
  local errors = summary.errors
  local by_second, by_status, seen, twice, kept, highest = {}, {}, {}, 0, 0, 0
  for _, thread in ipairs(threads) do
    sum_into(by_second, thread:get("sent"))
    sum_into(by_status, thread:get("statuses"))
    for _, value in ipairs(thread:get("values")) do
      kept = kept + 1
      if seen[value] then twice = twice + 1 end
      seen[value] = true
      if value > highest then highest = value end
    end
  end
  io.write(string.format('\nCOUNTER {"answers":%d,"refused":%d,', summary.requests, errors.status))
  io.write(string.format('"connect":%d,"read":%d,', errors.connect, errors.read))
  io.write(string.format('"write":%d,"timeout":%d,', errors.write, errors.timeout))
  io.write(string.format('"p50Ms":%.3f,"p95Ms":%.3f,', latency:percentile(50) / 1e3, latency:percentile(95) / 1e3))
  io.write(string.format('"p99Ms":%.3f,"maxMs":%.3f,', latency:percentile(99) / 1e3, latency.max / 1e3))
  io.write(string.format('"values":%d,"twice":%d,"highest":%d,', kept, twice, highest))
  io.write(string.format('"statuses":%s,"sent":%s}\n', pairs_of(by_status), pairs_of(by_second)))
end
