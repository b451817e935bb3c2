-- Takes one permit, or says in microseconds how long to wait; 0 is yes.
--
-- The key is a list of pairs: an instant, and how many permits came then; oldest first. A pair is out of the window when the
-- window has passed since its instant. Up to a hundred or so permits each has a pair; above, permits share the pair of their part of
-- the window, whose instant is that part's end, so that none comes back early.
-- Time is an argument, so that tests can set it. Lua's numbers hold microseconds exactly until the year 2255.
local key = KEYS[1]
local limit, window, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local width, step_back = tonumber(ARGV[4]), tonumber(ARGV[5])

local function text(number)
  return string.format('%.0f', number)
end

local held = redis.call('LRANGE', key, 0, -1)
local size = #held

-- The time of this decision: ours, or that of the newest permit where another node is ahead of us.
local seen = now
if size > 0 then
  local newest = tonumber(held[size - 1]) - width
  if newest - now > step_back then
    -- The clock was set back. What was given then comes back a window from now at the latest, and not before it is due.
    for i = 1, size, 2 do
      if tonumber(held[i]) > now + width then
        held[i] = text(now + width)
        redis.call('LSET', key, i - 1, held[i])
      end
    end
  elseif newest > now then
    seen = newest
  end
end

local total, first = 0, 1
for i = 1, size, 2 do
  if tonumber(held[i]) + window <= seen then
    first = i + 2
  else
    total = total + tonumber(held[i + 1])
  end
end

if total >= limit then
  local left = total
  for i = first, size, 2 do
    left = left - tonumber(held[i + 1])
    if left < limit then
      -- By our own clock, and no longer than the key lives.
      return math.max(1, math.min(tonumber(held[i]) + window - now, window + width + 1000000))
    end
  end
end

if first > 1 then
  redis.call('LTRIM', key, first - 1, -1)
end
local at = seen
if width > 0 then
  at = (math.floor(seen / width) + 1) * width
end
-- Parts of another width may end later: the list stays in order.
if first <= size then
  at = math.max(at, tonumber(held[size - 1]))
end
if first <= size and tonumber(held[size - 1]) == at then
  redis.call('LSET', key, -1, text(tonumber(held[size]) + 1))
else
  redis.call('RPUSH', key, text(at), '1')
end
-- A second more than needed, for instants are rounded differently here and there; never less, or the key's end would free somebody.
redis.call('PEXPIRE', key, text(math.ceil((at - seen + window) / 1000) + 1000))
return 0
