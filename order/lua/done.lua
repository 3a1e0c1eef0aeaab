-- What the scripts of the menu and the opening hours share: which operations were done, so that each is done once though
-- its reply was lost and others came between. This text stands before each of them.
local KEPT = 20

local function was_done(key, operation)
  return string.find(redis.call('HGET', key, '_ops') or '', operation, 1, true) ~= nil
end

local function ops_with(key, operation)
  local ops = operation .. ' ' .. (redis.call('HGET', key, '_ops') or '')
  return string.sub(ops, 1, KEPT * (#operation + 1))
end

-- ARGV[2] is the version the caller replaces, or empty for any.
local function is_stale(version) return ARGV[2] ~= '' and tonumber(ARGV[2]) ~= version end
