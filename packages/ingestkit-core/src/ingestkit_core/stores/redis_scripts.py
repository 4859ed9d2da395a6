"""The scripts of the journal on Redis: each operation happens as a whole. See redis_jobs for the keys.

All begin with HEAD: ``p`` is the prefix of the keys, ``now`` Redis's own time in milliseconds.
"""

from __future__ import annotations

from ingestkit_core.stores.jobs import KEPT_SECONDS, MAX_LOST_HOSTS

__all__ = ["ALL", "FIELDS", "HEAD", "PREFIX"]

PREFIX = "ingestkit:jobs:"
_TOLD_KEPT = 100_000
"""So many ids of done jobs are kept in the stream; a watcher that fell behind further asks for each job again."""

HEAD = f"""
local p = '{PREFIX}'
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
"""

_SUBMIT = """
for i = 1, #ARGV, 2 do
  local key = p..'job:'..ARGV[i]
  if redis.call('EXISTS', key) == 0 then
    redis.call('HSET', key, 'request', ARGV[i + 1], 'state', 'submitted', 'submitted', now, 'changed', now)
    redis.call('ZADD', p..'waiting', now, ARGV[i])
  end
end
"""

FIELDS = ("request", "state", "attempts", "lost_hosts", "worker", "result", "submitted", "changed")

_FIND = f"""
local found = {{}}
for i, id in ipairs(ARGV) do
  found[i] = redis.call('HMGET', p..'job:'..id, {", ".join(repr(name) for name in FIELDS)})
end
return found
"""

_SETTLED = """
local settled = {}
for _, id in ipairs(ARGV) do
  local state = redis.call('HGET', p..'job:'..id, 'state')
  if not state or state == 'done' then table.insert(settled, id) end
end
return settled
"""

_BEGIN = f"""
local key = p..'job:'..ARGV[1]
local function claim()
local r = redis.call('HMGET', key, 'state', 'worker', 'lost_hosts')
if not r[1] then return 'unknown' end
if r[1] == 'done' then return 'done' end
local lost = tonumber(r[3] or 0)
if r[1] == 'running' then
  local seen = redis.call('ZSCORE', p..'workers', r[2])
  if r[2] == ARGV[2] or (seen and tonumber(seen) > now - ARGV[3] * 1000) then return 'elsewhere' end
  lost = lost + 1
  redis.call('HSET', key, 'lost_hosts', lost)
  if lost < {MAX_LOST_HOSTS} then redis.call('SREM', p..'of:'..r[2], ARGV[1]) end
end
if lost >= {MAX_LOST_HOSTS} then return 'given up' end
redis.call('HSET', key, 'state', 'running', 'worker', ARGV[2], 'changed', now)
redis.call('HINCRBY', key, 'attempts', 1)
redis.call('SADD', p..'of:'..ARGV[2], ARGV[1])
redis.call('ZREM', p..'waiting', ARGV[1])
return 'run'
end
return {{claim(), redis.call('HMGET', key, {", ".join(repr(name) for name in FIELDS)})}}
"""

_FINISH = f"""
local key = p..'job:'..ARGV[1]
local r = redis.call('HMGET', key, 'state', 'worker')
if not r[1] or r[1] == 'done' then return 0 end
redis.call('HSET', key, 'state', 'done', 'result', ARGV[2], 'changed', now)
redis.call('EXPIRE', key, {int(KEPT_SECONDS)})
redis.call('ZREM', p..'waiting', ARGV[1])
if r[2] then redis.call('SREM', p..'of:'..r[2], ARGV[1]) end
redis.call('XADD', p..'done', 'MAXLEN', '~', {_TOLD_KEPT}, '*', 'job', ARGV[1])
return 1
"""

_GIVE_BACK = """
local key = p..'job:'..ARGV[1]
local r = redis.call('HMGET', key, 'state', 'worker')
if r[1] ~= 'running' or r[2] ~= ARGV[2] then return end
redis.call('HSET', key, 'state', 'submitted', 'changed', now)
redis.call('HINCRBY', key, 'attempts', -1)
redis.call('SREM', p..'of:'..ARGV[2], ARGV[1])
redis.call('ZADD', p..'waiting', now, ARGV[1])
"""

_WITHDRAW = """
if redis.call('HGET', p..'job:'..ARGV[1], 'state') ~= 'submitted' then return 0 end
redis.call('DEL', p..'job:'..ARGV[1])
redis.call('ZREM', p..'waiting', ARGV[1])
return 1
"""

_KEEP_ALIVE = "redis.call('ZADD', p..'workers', now, ARGV[1])"

_TAKE_LOST = """
local lost = {}
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', p..'workers', '-inf', now - ARGV[1] * 1000)) do
  for _, id in ipairs(redis.call('SMEMBERS', p..'of:'..worker)) do
    local key = p..'job:'..id
    local r = redis.call('HMGET', key, 'state', 'worker')
    if r[1] == 'running' and r[2] == worker then
      redis.call('HSET', key, 'state', 'submitted', 'changed', now)
      redis.call('HINCRBY', key, 'lost_hosts', 1)
      redis.call('ZADD', p..'waiting', now, id)
      table.insert(lost, id)
    end
  end
  redis.call('DEL', p..'of:'..worker)
  redis.call('ZREM', p..'workers', worker)
end
return lost
"""

_TAKE_FORGOTTEN = """
local ids = redis.call('ZRANGEBYSCORE', p..'waiting', '-inf', now - ARGV[1] * 1000, 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do redis.call('ZADD', p..'waiting', now, id) end
return ids
"""

_RELEASE = """
for _, id in ipairs(ARGV) do
  local worker = redis.call('HGET', p..'job:'..id, 'worker')
  if worker then redis.call('SREM', p..'of:'..worker, id) end
  redis.call('DEL', p..'job:'..id)
  redis.call('ZREM', p..'waiting', id)
end
"""

ALL = {
    "submit": _SUBMIT,
    "find": _FIND,
    "settled": _SETTLED,
    "begin": _BEGIN,
    "finish": _FINISH,
    "give_back": _GIVE_BACK,
    "withdraw": _WITHDRAW,
    "keep_alive": _KEEP_ALIVE,
    "take_lost": _TAKE_LOST,
    "take_forgotten": _TAKE_FORGOTTEN,
    "release": _RELEASE,
}
"""The scripts by the names of the operations."""
