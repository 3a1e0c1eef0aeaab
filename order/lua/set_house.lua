-- Sets fields of the opening hours and the pause. Safe to run twice: the operation id tells that it was done.
-- done.lua stands before it.
--
-- KEYS  1 house
-- ARGV  1 operation id  2 the version it must have, or empty for any  then field, value, field, value, ...
-- Reply DONE and the version after it, or STALE and the version it has
local version = tonumber(redis.call('HGET', KEYS[1], 'version') or '1')
if was_done(KEYS[1], ARGV[1]) then return {'DONE', version} end
if is_stale(version) then return {'STALE', version} end

redis.call('HSET', KEYS[1], 'version', version + 1, '_ops', ops_with(KEYS[1], ARGV[1]))
for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
return {'DONE', version + 1}
