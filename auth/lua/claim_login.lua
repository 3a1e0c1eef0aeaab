-- Gives a login name to a user, if nobody else has it.
-- KEYS[1]  auth:login:<name>
-- ARGV[1]  the user's id
-- Reply    1 if the name is the user's now (or was already), 0 if it is somebody else's
if redis.call('SET', KEYS[1], ARGV[1], 'NX') then
  return 1
end
return redis.call('GET', KEYS[1]) == ARGV[1] and 1 or 0
