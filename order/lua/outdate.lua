-- Notes that what orders are placed by has changed: an older edition of it is refused from now on.
--
-- KEYS  1 the shard's edition
-- ARGV  1 the edition the change made
-- Reply 1
if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or 0) then
  redis.call('SET', KEYS[1], ARGV[1])
end
return 1
