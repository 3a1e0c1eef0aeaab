-- Writes fields of an account if one of them is still what it was when it was read.
-- KEYS[1]   auth:user:<uid>
-- ARGV[1]   the field that is compared
-- ARGV[2]   what it was
-- ARGV[3..] field, value, field, value ...; the first is the compared field
-- Reply     1 if they are written now (or were already), 0 if another writer came first
local now = redis.call('HGET', KEYS[1], ARGV[1])
if now ~= ARGV[2] then
  return now == ARGV[4] and 1 or 0
end
redis.call('HSET', KEYS[1], unpack(ARGV, 3))
return 1
