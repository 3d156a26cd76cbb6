-- The figures of `INFO conv` for redis_exporter (https://github.com/oliver006/redis_exporter), option --script.
-- It returns names and values in turn, both as strings; each pair becomes redis_script_values{key="<name>"}.
local result = {}
for name, value in string.gmatch(redis.call("INFO", "conv"), "(conv_[%w_]+):(%d+)") do
  result[#result + 1] = name
  result[#result + 1] = value
end
return result
