-- Frees a login name, if it is still this user's.
-- KEYS[1]  auth:login:<name>
-- ARGV[1]  the user's id
-- Reply    1 if it was freed, 0 if it is nobody's or somebody else's
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1])
