-- Takes a place in a sliding window, if one is free. sliding_window.lua stands before this text.
--
-- KEYS[1]  sorted set: who took a place, by when (ms)
-- ARGV[1]  who takes one; the same again changes nothing
-- ARGV[2]  how many places there are
-- ARGV[3]  how long a place stays taken, ms
-- Reply    {1 if it is taken, else 0; how many are taken; ms until the oldest is free again}
return {take_place(KEYS[1], ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]))}
