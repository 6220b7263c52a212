-- Makes every command a function of the server: `<library>_<command>`.
--
-- The version of a library is in its name, so that instances of another version go on with theirs.

for index = 1, #commands do
  redis.register_function('LIBRARY_' .. commands[index][1], commands[index][2])
end
