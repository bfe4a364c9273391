-- What follows is the same for every dialect: it reads a frame as the tables above say and shows its elements.
-- Sensitive elements are shown as their lengths unless the preference "secrets" is on; the packet's bytes are as captured.

local proto = Proto(dialect.proto, dialect.title)
local f_length = ProtoField.string(dialect.proto .. ".frame", "Frame")
local f_error = ProtoExpert.new(dialect.proto .. ".error", "Not of this dialect", expert.group.MALFORMED, expert.severity.ERROR)
local fields = { f_length }
for _, key in ipairs(dialect.order) do
  local element = elements[key]
  element.field = ProtoField.string(dialect.proto .. "." .. element.filter, element.name)
  fields[#fields + 1] = element.field
end
proto.fields = fields
proto.experts = { f_error }
proto.prefs.secrets = Pref.bool("Show sensitive elements", false, "PIN, track data, card values, whole PANs")

local function hex_of(bytes) return (bytes:gsub(".", function(c) return string.format("%02X", c:byte()) end)) end

local function text_of(bytes, encoding)
  if encoding == "ebcdic" then
    bytes = bytes:gsub(".", function(c) local at = c:byte() * 2 + 1; return string.char(tonumber(ebcdic:sub(at, at + 1), 16)) end)
  end
  return (bytes:gsub("[^\32-\126]", function(c) return string.format("\\x%02x", c:byte()) end))
end

local function digits_of(bytes, kind)  -- a length: its number, or nil
  if kind == "b" then
    local n = 0
    for i = 1, #bytes do n = n * 256 + bytes:byte(i) end
    return n
  end
  local digits = kind == "bcd" and hex_of(bytes) or text_of(bytes, kind)
  return digits:match("^%d+$") and tonumber(digits) or nil
end

local function masked(value) return #value > 10 and value:sub(1, 6) .. ("*"):rep(#value - 10) .. value:sub(-4) or ("*"):rep(#value) end

local function shown(element, value, size)
  if proto.prefs.secrets then return value end
  if element.sensitive then return "<" .. size .. " bytes>" end
  if element.mask then return masked(value) end
  return value
end

local function has(number, mask) return math.floor(number / mask) % 2 == 1 end

-- Subfields: each form adds lines {from, to, text} to `lines`, in characters of the value, or in bytes of it where it is hex.
-- It is true where all of the value was read; `lines.secret` where a sensitive part is among them.
local forms = {}

local function line(lines, from, to, part, id, value)
  local said = part and part.desc or ""
  if part and part.sensitive then
    lines.secret = true
    if not proto.prefs.secrets then value = "<" .. #value .. " characters>" end
  end
  lines[#lines + 1] = { from, to, id .. " " .. said .. (said ~= "" and ": " or "") .. value }
end

function forms.positional(lines, element, value)
  local at = 1
  for _, part in ipairs(element.parts) do
    if at > #value then return true end
    line(lines, at, math.min(at + part.len - 1, #value), part, "." .. part.id, value:sub(at, at + part.len - 1))
    at = at + part.len
  end
  return at > #value
end

function forms.llvar(lines, element, value)
  local at = 1
  for _, part in ipairs(element.parts) do
    if at > #value then return true end
    local size = part.len
    if size == 0 then
      size = tonumber(value:sub(at, at + element.len_len - 1):match("^%d+$") or "")
      at = at + element.len_len
    end
    if not size or at + size - 1 > #value then return false end
    line(lines, at, at + size - 1, part, "." .. part.id, value:sub(at, at + size - 1))
    at = at + size
  end
  return at > #value
end

function forms.numbered(lines, element, value)
  local at = 1
  if element.lead then
    if element.lead.len > #value then return false end
    line(lines, 1, element.lead.len, element.lead, element.lead.id, value:sub(1, element.lead.len))
    at = element.lead.len + 1
  end
  while at <= #value do
    local id = value:sub(at, at + element.id_len - 1)
    local size = tonumber(value:sub(at + element.id_len, at + element.id_len + element.len_len - 1):match("^%d+$") or "")
    local from = at + element.id_len + element.len_len
    if not size or from + size - 1 > #value then return false end
    line(lines, at, from + size - 1, element.by_id[id], "." .. id, value:sub(from, from + size - 1))
    at = from + size
  end
  return true
end

function forms.tlv(lines, element, value)  -- value: hex
  local function byte(i) return tonumber(value:sub(i * 2 - 1, i * 2), 16) or 0 end
  local at, size = element.dataset and 4 or 1, math.floor(#value / 2)
  while at <= size do
    local from = at
    if byte(at) == 0 then return value:sub(at * 2 - 1):match("^0+$") ~= nil end
    if byte(at) % 32 == 31 then
      repeat at = at + 1 until at > size or byte(at) < 128
    end
    at = at + 1
    if at > size then return false end
    local tag, n = value:sub(from * 2 - 1, at * 2 - 2), byte(at)
    if n > 127 then
      local more = n - 128
      if more < 1 or more > 2 or at + more > size then return false end
      n = 0
      for _ = 1, more do at = at + 1; n = n * 256 + byte(at) end
    end
    if at + n > size then return false end
    local part, inside = element.by_id[tag], value:sub(at * 2 + 1, (at + n) * 2)
    if math.floor(byte(from) / 32) % 2 == 1 then  -- a template: secret where it has a secret tag in it, or does not divide
      local within = {}
      if not forms.tlv(within, { by_id = element.by_id }, inside) or within.secret then
        part = { desc = part and part.desc or "", sensitive = true }
      end
    end
    line(lines, from, at + n, part, tag, inside)
    at = at + n + 1
  end
  return true
end

local function text_in(value, at, size, encoding)  -- bytes of a value in hex, as text
  local hex = value:sub(at * 2 - 1, (at + size - 1) * 2)
  return text_of((hex:gsub("..", function(h) return string.char(tonumber(h, 16)) end)), encoding)
end

function forms.bitmapped(lines, element, value)  -- value: hex
  local at = element.bitmap + 1
  for bit = 1, element.bitmap * 8 do
    local place = math.floor((bit - 1) / 4) + 1
    local nibble = tonumber(value:sub(place, place), 16)
    if not nibble then return false end
    if has(nibble, 2 ^ (3 - (bit - 1) % 4)) then
      local part = element.by_id[tostring(bit)]
      if not part then return false end
      local span = part.span
      if part.len_len then  -- a length in digits before it
        local digits = text_in(value, at, part.len_len, part.enc == "b" and "ascii" or part.enc)
        span = tonumber(digits:match("^%d+$") or "")
        at = at + part.len_len
      end
      if not span or (at + span - 1) * 2 > #value then return false end
      local data = value:sub(at * 2 - 1, (at + span - 1) * 2)
      if part.enc == "bcd" then data = data:sub(-part.len)
      elseif part.enc ~= "b" then
        data = text_in(value, at, span, part.enc)
      end
      line(lines, at, at + span - 1, part, "." .. bit, data)
      at = at + span
    end
  end
  return (at - 1) * 2 == #value
end

local function below(element, value, bytes)  -- the lines of an element's parts, and whether its value may be shown whole
  local lines = {}
  if not element.form or bytes == 0 then return lines, true end
  if element.sensitive and not proto.prefs.secrets then return lines, false end
  local whole = forms[element.form](lines, element, value)
  return lines, not lines.secret and (whole or not element.secrets)
end

-- One element at `at` of the message. Its value and where it ends; or nil and what is wrong.
local function element_at(element, tvb, at, tree)
  local size, start = element.size, at
  if element.len_bytes > 0 then
    if at + element.len_bytes > tvb:len() then return nil, "its length is cut off" end
    size = digits_of(tvb:raw(at, element.len_bytes), element.len_enc)
    if not size then return nil, "no length: " .. tvb(at, element.len_bytes):bytes():tohex() end
    if size > element.size then return nil, "a length of " .. size .. ", at most " .. element.size end
    at = at + element.len_bytes
  end
  local bytes = element.nibbles and math.floor((size + 1) / 2) or size
  if at + bytes > tvb:len() then return nil, size .. " long, " .. tvb:len() - at .. " bytes are left" end
  local raw = bytes > 0 and tvb:raw(at, bytes) or ""
  local value = element.enc == "b" and hex_of(raw) or text_of(raw, element.enc)
  if element.nibbles and size % 2 == 1 then
    value = element.left and value:sub(2) or value:sub(1, -2)
  end
  local lines, open = below(element, value, bytes)
  local said = (open or proto.prefs.secrets) and shown(element, value, bytes) or "<" .. bytes .. " bytes>"
  local here = tree:add(element.field, tvb(start, at + bytes - start), said)
  local each = (element.enc == "b" and not element.in_bytes) and 2 or (element.enc ~= "b" and element.in_bytes) and 0.5 or 1
  for _, l in ipairs(lines) do
    local first = math.min(math.floor((l[1] - 1) / each), bytes - 1)
    local last = math.max(first + 1, math.min(math.ceil(l[2] / each), bytes))
    here:add(tvb(at + first, last - first), l[3])
  end
  return value, at + bytes
end

local function message(tvb, pinfo, tree)
  local at, value, bits = 0, nil, {}
  local function read(key)
    local element = elements[key]
    if not element then
      tree:add_proto_expert_info(f_error, "DE" .. key .. ": no element of " .. dialect.name)
      return false
    end
    local next_at
    value, next_at = element_at(element, tvb, at, tree)
    if not value then
      tree:add_proto_expert_info(f_error, element.label .. " at byte " .. at .. ": " .. next_at)
      pinfo.cols.info:append(" [" .. element.label .. " at byte " .. at .. "]")
      return false
    end
    at = next_at
    return true
  end
  local function bitmap(base)
    for i = 1, #value do
      local nibble = tonumber(value:sub(i, i), 16) or 0
      for bit = 0, 3 do
        if has(nibble, 2 ^ (3 - bit)) then bits[#bits + 1] = base + (i - 1) * 4 + bit + 1 end
      end
    end
  end
  if elements.h and not read("h") then return end
  if not read("t") then return end
  local summary = value
  if not read("p") then return end
  bitmap(0)
  if dialect.both or bits[1] == 1 then
    if bits[1] == 1 then table.remove(bits, 1) end
    if not read("1") then return end
    bitmap(64)
  end
  for _, bit in ipairs(bits) do
    if not read(tostring(bit)) then break end
    if bit == 11 then summary = summary .. " STAN " .. value end
    if bit == 39 then summary = summary .. " response " .. value end
    if bit == 70 then summary = summary .. " function " .. value end
  end
  pinfo.cols.info:append(" " .. summary)
  if value and at < tvb:len() then
    tree:add_proto_expert_info(f_error, tvb:len() - at .. " bytes behind the last element")
  end
end

local framings = {}
local function counted(head, bias, number)
  return { head = head, size = function(tvb, at)
    local n = number(tvb:raw(at, head))
    return n and head + math.max(0, n + bias) or head
  end }
end
local function big(bytes) return digits_of(bytes, "b") end
framings["length2"] = counted(2, 0, big)
framings["length2-inclusive"] = counted(2, -2, big)
framings["length3"] = counted(3, 0, big)
framings["length4"] = counted(4, 0, big)
framings["length4-inclusive"] = counted(4, -4, big)
framings["visa4"] = counted(4, 0, function(bytes) return big(bytes:sub(1, 2)) end)
framings["ascii4"] = counted(4, 0, function(bytes) return digits_of(bytes, "ascii") end)
framings["bcd2"] = counted(2, 0, function(bytes) return digits_of(bytes, "bcd") end)
local function little(bytes) return big(bytes:reverse()) end
local function ascii(bytes) return digits_of(bytes, "ascii") end
framings["length2-little"] = counted(2, 0, little)
framings["length2-little-inclusive"] = counted(2, -2, little)
framings["length4-little"] = counted(4, 0, little)
framings["ascii4-inclusive"] = counted(4, -4, ascii)
framings["ascii3"] = counted(3, 0, ascii)
framings["ascii5"] = counted(5, 0, ascii)
framings["ascii6"] = counted(6, 0, ascii)
local function ebcdic_digits(bytes)  -- whatever the messages are in
  return bytes:match("^[\240-\249]+$") and tonumber((bytes:gsub(".", function(c) return string.char(c:byte() - 192) end)))
end
framings["ebcdic4"] = counted(4, 0, ebcdic_digits)
framings["hex4"] = counted(4, 0, function(bytes) return tonumber(bytes, 16) end)
framings["bcd2-inclusive"] = counted(2, -2, function(bytes) return digits_of(bytes, "bcd") end)
framings["length2-etx"] = counted(2, 0, big)
framings["length2-etx"].tail = 1
framings["tpdu"] = framings["length2"]
framings["base1"] = framings["visa4"]
framings["stxetx"] = { head = 1, tail = 2, size = function(tvb, at)
  if tvb(at, 1):uint() ~= 2 then return 1 end
  for i = at + 1, tvb:len() - 1 do
    if tvb(i, 1):uint() == 3 then return i + 2 - at end
  end
  return 0
end }
local framing = framings[dialect.framing]

local function frame(tvb, pinfo, tree)
  local whole = tree:add(proto, tvb(), dialect.title)
  pinfo.cols.protocol = dialect.label
  local tail = framing.tail or 0
  local size = tvb:len() - framing.head - tail
  whole:add(f_length, tvb(0, framing.head), dialect.framing .. ", " .. math.max(0, size) .. " bytes")
  if size > 0 then
    message(tvb(framing.head, size):tvb(), pinfo, whole)
  else
    pinfo.cols.info:append(" keep-alive")
  end
  return tvb:len()
end

function proto.dissector(tvb, pinfo, tree)
  pinfo.cols.info = dialect.label
  dissect_tcp_pdus(tvb, tree, framing.head, function(t, _, at) return framing.size(t, at) end, frame)
  return tvb:len()
end

local ports = DissectorTable.get("tcp.port")
ports:add_for_decode_as(proto)
for _, port in ipairs(dialect.ports) do ports:add(port, proto) end
