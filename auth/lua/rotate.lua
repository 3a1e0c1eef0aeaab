-- Trades a refresh token for its successor.
--
-- A family has a generation of current tokens, usually of one. Using any of them makes all of them
-- previous and starts the next generation. A previous token that is shown within the grace adds
-- one more to the current generation: its answer was lost, or two tabs refreshed at once and it
-- cannot be known which answer the browser kept. Any other token of the family was used before:
-- two parties hold it, one of them a thief, and the family ends (RFC 9700, section 4.14).
--
-- KEYS[1]  auth:refresh:<family>
-- ARGV[1]  SHA-256 of the token shown
-- ARGV[2]  SHA-256 of the successor, which nobody has seen yet
-- ARGV[3]  the grace, ms
-- ARGV[4]  how long the family lives on, ms
-- Reply    {'rotated' | 'reused' | 'gone', user id, sessions_since}
local SIBLINGS = 8
local ENTRY = 65 -- 64 hex digits and a space

local family = redis.call(
  'HMGET', KEYS[1], 'current', 'previous', 'rotated_at', 'user_id', 'sessions_since')
local current, previous, rotated_at, user_id, changed_at = unpack(family)
if not current then
  return {'gone', '', ''}
end

local function holds(tokens, digest)
  return string.find(tokens, digest .. ' ', 1, true) ~= nil
end

-- This very call was done before and its reply was lost.
if holds(current .. previous, ARGV[2]) then
  return {'rotated', user_id, changed_at}
end

local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if holds(current, ARGV[1]) then
  previous, current, rotated_at = current, '', now
elseif not holds(previous, ARGV[1]) or now - rotated_at > tonumber(ARGV[3]) then
  redis.call('DEL', KEYS[1])
  return {'reused', user_id, changed_at}
end
-- Of many successors only the last ones are kept, so that the hash stays small.
current = string.sub(current .. ARGV[2] .. ' ', -SIBLINGS * ENTRY)
redis.call('HSET', KEYS[1], 'current', current, 'previous', previous,
  'rotated_at', string.format('%d', rotated_at))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return {'rotated', user_id, changed_at}
