---@meta
-- Written by plugins/scriptlet/api/gen from the tables of the API.

---Writes its arguments, joined by tabs, to the paniclog, or to the console's reply inside a control handler.
---@param ... any
function print(...) end

---A console command as its handler sees it.
---@class command_construct
---@field argc number How many words were typed, the command itself counted.
---@field argv table The words, from argv[0], the command itself.
local command_construct_object = {}

---The base of the API. Its functions are there without require.
---@class msys_package
msys = {}

---Binds the callouts that a table holds under their hooks' names; the name appears in messages only.
---@param name string
---@param functable table
function msys.registerModule(name, functable) end

---Adds a console command; what the handler prints is the reply.
---@param prefix string
---@param handler function
function msys.registerControl(prefix, handler) end

---Runs fn and answers like pcall; with true or a completion function, after the caller has returned.
---In part: there are no thread pools: what waits lets other sessions run whatever pool is named.
---@param pool string|number
---@param fn function
---@param async_or_completion? any
---@param mode? number
---@return any # true and the results, or false and the error; nothing when asynchronous
function msys.runInPool(pool, fn, async_or_completion, mode) end

---Suspends the calling session; fractions of a second are allowed, and other sessions go on.
---@param seconds number
function msys.sleep(seconds) end

---Like type(), but an object of the API reports its class.
---@param value any
---@return string # string
function msys.type(value) end

---Asks the resolver, A if no type is given; the types are A, AAAA, TXT, MX, PTR and NS, in any case. MX comes best first; with priority = true each is { preference, host }. A failure, and a name without such records (NODATA), gives nil and a word. The option server names another server, with a port or without.
---@param name string
---@param type? string
---@param options? table
---@return any # array | nil, message
function msys.dnsLookup(name, type, options) end

---Takes a lock that is known by its name in all of mtad; whoever waits for it lets other sessions go on. It belongs to the session, stays taken while that is suspended, and is released at the end of the call in which it was taken. Taking it twice raises an error.
---@param name string
function msys.lock(name) end

---Releases a lock of msys.lock; one that is not the session's raises an error.
---@param name string
function msys.unlock(name) end

---Replaces each %{...} by its value, which is empty where there is none; %{NAME||TEXT} gives TEXT then. What can stand there is on the page of macros.
---@param text string
---@return string # string
function msys.expandMacro(text) end

---Reads a whole file, at most 16 MiB, while other sessions go on. A path may be a file:// URI.
---In part: of the original's URIs only file:// is known.
---@param path string
---@return any # string | nil, message
function msys.readfile(path) end

---Looks a configuration value up as the console's config command does, with the same words; the text is the line that the console shows.
---In part: only get and eval: the configuration changes by a reload of its files, never from a script.
---@param action string
---@param ... string
---@return any # value, text | nil, message
function msys.config(action, ...) end

---Writes to the paniclog at a level: msys.core.LOG_DEBUG, LOG_INFO, LOG_NOTICE, LOG_WARNING, LOG_ERROR or LOG_CRITICAL.
---@param level number
---@param text string
function msys.log(level, text) end

---Whether the script may be suspended here; in mtad it may everywhere.
---@return boolean # boolean
function msys.asyncOk() end

---Finds the addresses in the value of a header, and gives of each one the component: all, localpart, user, detail or domain.
---@param text string
---@param component? string
---@return any # array
function msys.parseRFC2822Addresses(text, component) end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.cast() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.getClassMetaTable() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.registerAuth() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.runInInst() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.snmpTrap() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.runSieveScript() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.shareGet() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.shareSet() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.shareUnset() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.getopt() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.goodmail() end

---An id such as 00/00-01974-EBDC39A4; tostring gives the text.
---@class message_id
local message_id_object = {}

---A point in time.
---@class timeval
---@field tv_sec number Seconds since 1970, UTC.
---@field tv_usec number Microseconds of the second.
local timeval_object = {}

---The queue of a domain.
---@class domain_record
---@field domain string The domain's name.
local domain_record_object = {}

---A socket address; tostring gives ip:port, for IPv6 ip.port.
---@class sockaddr
local sockaddr_object = {}

---A native string; tostring gives its text, # its length.
---@class ec_string
---@field buffer string The content; nil while it is empty.
---@field len number The length in bytes.
local ec_string_object = {}

---Replaces the content.
---@param text string
function ec_string_object:set(text) end

---Appends text, at most len bytes of it.
---@param text string
---@param len? number
function ec_string_object:write(text, len) end

---A connection.
---@class accept_construct
---@field remote_addr any The peer's address.
---@field local_addr any The listener's address.
---@field conn_id any The connection's id.
---@field protocol number The listener's protocol: msys.core.P_ESMTP.
---@field hostname any The peer's name, where a lookup found it (reverse_dns).
local accept_construct_object = {}

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function accept_construct_object:inbound_session_count() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function accept_construct_object:pbp_inbound_session_count_service() end

---An SMTP session.
---@class message_construct
---@field message any The message being received; nil before MAIL FROM.
---@field ac any The connection.
---@field ctx any The validation context.
---@field connection_message_count number Messages so far on the connection.
---@field connection_rcpt_count number Recipients so far on the connection.
---@field message_rcpt_count number Recipients so far for the message.
---@field peer_address string The peer's IP address.
---@field banner_hostname string The name in our greeting.
local message_construct_object = {}

---The recipient list; # is its length, tostring joins it with commas.
---@class list_node
local list_node_object = {}

---A native dictionary, read with dict_iter2 and dict_next.
---@class dict
local dict_object = {}

---A walk over a native dictionary.
---@class dict_iterator
local dict_iterator_object = {}

---Constants and functions of the core.
---@class msys.core_package
msys.core = {}

---Ask the remaining scripts and modules.
msys.core.VALIDATE_CONT = 0
---Skip the rest of this phase.
msys.core.VALIDATE_DONE = 1
---Call this callout again later.
msys.core.VALIDATE_AGAIN = 2
---The message context.
msys.core.ECMESS_CTX_MESS = 1
---The connection context.
msys.core.ECMESS_CTX_CONN = 2
---The message context.
msys.core.VCTX_MESS = 1
---The connection context.
msys.core.VCTX_CONN = 2
---get_envelope2: the sender.
msys.core.EC_MSG_ENV_FROM = 1
---get_envelope2: the recipient.
msys.core.EC_MSG_ENV_TO = 2
---get_envelope2: the whole address.
msys.core.EC_MSG_ENV_COMPLETE = 4
---Authentication succeeded.
msys.core.EC_AUTH_OK = 0
---Authentication was refused.
msys.core.EC_AUTH_FAIL = 1
---Authentication could not be decided.
msys.core.EC_AUTH_ERROR = 2
---Received by injection.
msys.core.P_INTERNAL = 1
---Received over SMTP.
msys.core.P_ESMTP = 2
---Received over SMPP; never in mtad.
msys.core.P_SMPP = 16
---Received over MM7; never in mtad.
msys.core.P_MM7 = 17
---An IPv4 address.
msys.core.AF_INET = 2
---An IPv6 address.
msys.core.AF_INET6 = 10
---runInPool: complete on the pool's thread.
msys.core.ECTP_COMPLETE_CALLBACK = 3
---runInPool: complete on the scheduler.
msys.core.ECTP_COMPLETE_CALLBACK_SCHED = 6
---final_validation2: go on.
msys.core.EC_HOOK_CONT = 0
---final_validation2: reject.
msys.core.EC_HOOK_DONE = 1
---final_validation2: defer.
msys.core.EC_HOOK_RETRY = 2
---msg.delivered: not decided.
msys.core.EM_TRYING = 0
---msg.delivered: delivered.
msys.core.EM_SUCCEEDED = 1
---msg.delivered: failed for good.
msys.core.EM_FAILED = 2
---io_wrapper_open: read.
msys.core.O_RDONLY = 0
---io_wrapper_open: write.
msys.core.O_WRONLY = 1
---io_wrapper_open: read and write, as the manual spells it.
msys.core.O_RDRW = 2
---io_wrapper_open: read and write.
msys.core.O_RDWR = 2
---io_wrapper_open: create the file.
msys.core.O_CREAT = 64
---io_wrapper_open: write at the end.
msys.core.O_APPEND = 1024
---io_wrapper_open: without effect.
msys.core.O_BINARY = 0
---No binding was chosen.
msys.core.EC_BINDING_SLOT_UNBOUND = -1
---A result of core_ec_message_enqueue.
msys.core.EC_MESSAGE_ENQUEUE_HOOK_CONT = 0
---A result of core_ec_message_enqueue.
msys.core.EC_MESSAGE_ENQUEUE_HOOK_OK = 1
---A result of core_ec_message_enqueue.
msys.core.EC_MESSAGE_ENQUEUE_HOOK_ERR = 2
---A result of core_generate_bounces.
msys.core.GENERATE_BOUNCES_HOOK_CONT = 0
---A result of core_generate_bounces.
msys.core.GENERATE_BOUNCES_HOOK_OK = 1
---A transfer encoding.
msys.core.EC_MIME_TE_7BIT = 0
---A transfer encoding.
msys.core.EC_MIME_TE_8BIT = 1
---A transfer encoding.
msys.core.EC_MIME_TE_BASE64 = 2
---A transfer encoding.
msys.core.EC_MIME_TE_QUOTED_PRINTABLE = 3
---An action of a delivery report.
msys.core.FAILED = 0
---An action of a delivery report.
msys.core.DELAYED = 1
---An action of a delivery report.
msys.core.DELIVERED = 2
---An action of a delivery report.
msys.core.RELAYED = 3
---An action of a delivery report.
msys.core.EXPANDED = 4
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_START = 0
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_START_RESPONSE = 1
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EHLO = 2
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EHLO_RESPONSE = 3
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_MAILFROM = 4
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_MAILFROM_RESPONSE = 5
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_RCPTTO = 6
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_RCPTTO_RESPONSE = 7
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_DATA = 8
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_BODY = 9
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_BODY_RESPONSE = 10
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_ASYNC_BODY_RESPONSE = 11
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_OK = 12
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_RELAYING_DENIED = 13
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EXTENSION_1 = 14
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EXTENSION_2 = 15
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EXTENSION_3 = 16
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_EXTENSION_4 = 17
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_CONCURRENCY_LIMIT = 18
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_RCPTTO_LIST_RESPONSE = 19
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_RCPTTO_LIST_FINAL_RESPONSE = 20
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_SETUP = 21
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_MCMT_FIXUP = 22
---The state of an SMTP session, the phase of core_log_rejection.
msys.core.MC_STATE_COUNT = 23
---A level of msys.log.
msys.core.LOG_DEBUG = 0
---A level of msys.log.
msys.core.LOG_INFO = 1
---A level of msys.log.
msys.core.LOG_NOTICE = 2
---A level of msys.log.
msys.core.LOG_WARNING = 3
---A level of msys.log.
msys.core.LOG_ERROR = 4
---A level of msys.log.
msys.core.LOG_CRITICAL = 5
---The address family: AF_INET or AF_INET6.
---@param sockaddr sockaddr
---@return number # number
function msys.core.ec_sockaddr_family(sockaddr) end

---The SMTP session on a connection: its message, context and counters.
---@param ac accept_construct
---@return any # message_construct
function msys.core.accept_construct_get_message_construct(ac) end

---A blank message, to fill with msg:build and send with msg:inject.
---@param now? any
---@return any # ec_message
function msys.core.ec_message_new(now) end

---The time in seconds since 1970, UTC.
---@return number # number
function msys.core.get_now_ts() end

---The queue record of a domain; nil where the name is none.
---@param domain string
---@return any # domain_record or nil
function msys.core.dns_get_domain(domain) end

---The function form of msg:context_get.
---@param msg ec_message
---@param type number
---@param key string
---@return string # string
function msys.core.ec_message_context_get(msg, type, key) end

---The function form of msg:context_set.
---@param msg ec_message
---@param type number
---@param key string
---@param value any
---@return number # number
function msys.core.ec_message_context_set(msg, type, key, value) end

---The name of a reception protocol.
---@param recv_method number
---@return string # string
function msys.core.protocol_string(recv_method) end

---A new native string, for out-parameters.
---@return any # ec_string
function msys.core.string_new() end

---Appends text to a native string.
---@param str ec_string
---@param text string
---@param len? number
function msys.core.stringwrite(str, text, len) end

---Begins a walk over a native dictionary.
---@param dict dict
---@return any # iterator
function msys.core.dict_iter2(dict) end

---The next entry; rc is 1 while there is one and 0 at the end.
---@param dict dict
---@param iter dict_iterator
---@return any # rc, key, value
function msys.core.dict_next(dict, iter) end

---Ends a walk over a native dictionary.
---@param dict dict
---@param iter dict_iterator
function msys.core.dict_iter2_free(dict, iter) end

---Sets an entry of a native dictionary.
---@param dict dict
---@param key string
---@param value string
function msys.core.dict_add_key_value(dict, key, value) end

---Removes an entry of a native dictionary.
---@param dict dict
---@param key string
---@return any # 1 or 0
function msys.core.dict_key_delete(dict, key) end

---A binding's slot, negative where there is no such binding.
---@param name string
---@return number # number
function msys.core.config_get_binding_id_from_name(name) end

---The name of the binding in a slot.
---@param slot number
---@return any # string or nil
function msys.core.config_get_binding_name_from_id(slot) end

---How many bindings a group has, 0 where there is no such group.
---@param group string
---@return number # number
function msys.core.config_get_binding_group_size(group) end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.dict_stringprint() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.ec_blobject_delref() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.ec_double_list_shift() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.ec_message_blobject_get() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.ec_message_context_firstkey() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.ec_message_context_nextkey() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.io_wrapper_open() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.mail_queue_delay_domain() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.rfc2822_prepend_headers() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function msys.core.scheduler_for_domain() end

---A message.
---@class ec_message
---@field priority number Urgency: messages with 1 are taken from a queue first; 0 when created.
---@field id any The message's id.
---@field batch_id any The id that all recipients' copies share.
---@field conn_id any The id of the connection it came over.
---@field recv_method number How the message came in: one of msys.core.P_*.
---@field recv_from any The peer it came from.
---@field recv_via any The listener it came in at.
---@field num_retries number Delivery attempts so far.
---@field binding_slot number The number of its binding, negative while it has none.
---@field bounce number 1 for a bounce that mtad made, else 0.
---@field delivered number The outcome in a log hook: msys.core.EM_TRYING, EM_SUCCEEDED or EM_FAILED.
---@field creation_time any When the message was received.
---@field vctx_mess any The message context.
---@field vctx_conn any The message's connection context.
local ec_message_object = {}

---A context variable as text, "" where it is absent.
---@param type number
---@param key string
---@return string # string
function ec_message_object:context_get(type, key) end

---Stores a value as text in the message's context, or in its copy of the connection's.
---@param type number
---@param key string
---@param value any
---@return number # number
function ec_message_object:context_set(type, key, value) end

---Whether a context variable is there.
---@param type number
---@param key string
---@return any # 1 or 0
function ec_message_object:context_exists(type, key) end

---Whether a context variable is there, and its value.
---@param type number
---@param key string
---@return any # 1, string or 0, nil
function ec_message_object:context_exists_and_get(type, key) end

---Removes a context variable.
---@param type number
---@param key string
---@return any # 1 or 0
function ec_message_object:context_delete(type, key) end

---The size of the message in bytes.
---@return number # number
function ec_message_object:get_message_size() end

---Whether the message is a multi-channel container; mtad has none.
---@return boolean # boolean
function ec_message_object:is_mcmt() end

---The envelope sender, "" for the null sender; with an argument it is set first.
---@param address? string
---@return string # string
function ec_message_object:mailfrom(address) end

---The envelope recipient; with an argument it is set first.
---@param address? string
---@return string # string
function ec_message_object:rcptto(address) end

---Writes the sender (EC_MSG_ENV_FROM) or recipient (EC_MSG_ENV_TO) into native strings, with EC_MSG_ENV_COMPLETE whole into the first.
---@param flags number
---@param localpart ec_string
---@param domain? ec_string
function ec_message_object:get_envelope2(flags, localpart, domain) end

---The listener the message came in at: "ip", "port" or "all".
---@param flag? string
---@return string # string
function ec_message_object:listener_addr(flag) end

---The peer the message came from: "ip", "port" or "all".
---@param flag? string
---@return string # string
function ec_message_object:reception_peer(flag) end

---The message's binding; with an argument it is set first. nil for an unknown name.
---@param name? string
---@return any # string or nil
function ec_message_object:binding(name) end

---The message's binding group; with an argument it is set first, and the core picks a binding of it.
---@param name? string
---@return any # string or nil
function ec_message_object:binding_group(name) end

---Drops the message without a word to the sender, who gets 250; it is logged as a rejection, and the script goes on.
---@param reason? string
function ec_message_object:discard(reason) end

---The message's status text; with arguments it is set first, and 0 takes the number from the text.
---@param number? number
---@param text? string
---@return string # string
function ec_message_object:code(number, text) end

---The message's status text: in a log hook the reply that decided its fate.
---@return string # string
function ec_message_object:get_code() end

---Sets the message's status text.
---@param code number
---@param text? string
function ec_message_object:set_code(code, text) end

---The values of a header, decoded to UTF-8; or sets it ("replace", "prepend", "append"), a table to several, "" deletes it.
---@param name string
---@param value? any
---@param mode? string
---@return any # table, or boolean when setting
function ec_message_object:header(name, value, mode) end

---The addresses in a header: "all", "localpart", "user", "detail" or "domain" of each.
---@param name string
---@param component? string
---@return table # table
function ec_message_object:address_header(name, component) end

---The raw body without the headers; with an argument it is set first.
---@param text? string
---@return string # string
function ec_message_object:body(text) end

---The whole message and its length; with an argument it is set first.
---@param text? string
---@return any # string, number
function ec_message_object:raw(text) end

---The decoded text of the text parts in UTF-8; with an argument it replaces the whole body.
---@param text? string
---@param type? string
---@param charset? string
---@return any # string, table where there are several texts, nil where there is none
function ec_message_object:text(text, type, charset) end

---The captures of the first match in the raw body.
---@param pattern string
---@return any # table or false
function ec_message_object:body_match(pattern) end

---The captures of the first match in the whole message.
---@param pattern string
---@return any # table or false
function ec_message_object:raw_match(pattern) end

---The captures of the first match in the decoded text parts.
---@param pattern string
---@return any # table or false
function ec_message_object:text_match(pattern) end

---Replaces every match in the raw body.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function ec_message_object:body_replace(pattern, replacement) end

---Replaces every match in the whole message.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function ec_message_object:raw_replace(pattern, replacement) end

---Replaces every match in the decoded text parts, which keep their charset and transfer encoding where these can hold the result.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function ec_message_object:text_replace(pattern, replacement) end

---The root of the message's MIME tree; parts can be changed only if readonly is false.
---@param readonly? boolean
---@return any # msgpart
function ec_message_object:mime(readonly) end

---A new part that is in no tree, from text or an io_object as it is to be sent.
---@param mimetype string
---@param body? any
---@param encoding? number
---@return any # msgpart
function ec_message_object:makePart(mimetype, body, encoding) end

---A new container that is in no tree.
---@param mimetype string
---@param boundary? string
---@param add_terminator? boolean
---@return any # msgpart
function ec_message_object:makeContainer(mimetype, boundary, add_terminator) end

---A boundary that occurs neither in the message nor in the parts.
---@param ... msgpart
---@return string # string
function ec_message_object:makeBoundary(...) end

---A copy of the message that is the script's own, to change and to inject.
---@return any # ec_message
function ec_message_object:copy() end

---Fills an empty message: headers, alternatives by content type, and attachments {type, name, headers, content}.
---@param headers table
---@param parts table
---@param attachments? table
function ec_message_object:build(headers, parts, attachments) end

---Queues the message for the recipients, separated by commas.
---@param mailfrom string
---@param rcptto string
function ec_message_object:inject(mailfrom, rcptto) end

---Sends a new message with this one attached.
---@param sender string
---@param rcptto string
---@param text string
---@param subject? string
---@param charset? string
function ec_message_object:forward(sender, rcptto, text, subject, charset) end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function ec_message_object:get_delivery_method() end

---A part of a message's MIME tree.
---@class msgpart
---@field thread any The next part in a depth-first walk.
---@field next any The next part in the same container.
---@field parent any The container the part is in.
---@field parts any The first part of a container; nil for a leaf.
---@field body_start number Where the body begins in the text given to makePart.
---@field body_end number Where the body ends in the text given to makePart.
---@field type string The MIME type.
---@field encoding number The transfer encoding: msys.core.EC_MIME_TE_*.
---@field boundary any A container's boundary.
local msgpart_object = {}

---The values of a part's header; or sets it; an explicit nil deletes it.
---@param name string
---@param value? any
---@param mode? string
---@return any # table, or boolean when setting
function msgpart_object:header(name, value, mode) end

---The addresses in a part's header.
---@param name string
---@param component? string
---@return table # table
function msgpart_object:address_header(name, component) end

---What the part says of its content.
---@return any # table {mimetype, charset, encoding, is_attachment, filename}
function msgpart_object:content_type() end

---The part's decoded text in UTF-8, nil without a body; with an argument it is replaced.
---@param text? string
---@param type? string
---@param charset? string
---@return any # string or nil
function msgpart_object:text(text, type, charset) end

---The captures of the first match in the part's raw body.
---@param pattern string
---@return any # table or false
function msgpart_object:body_match(pattern) end

---The captures of the first match in the part's source.
---@param pattern string
---@return any # table or false
function msgpart_object:raw_match(pattern) end

---The captures of the first match in the part's decoded text.
---@param pattern string
---@return any # table or false
function msgpart_object:text_match(pattern) end

---Replaces every match in the part's raw body.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function msgpart_object:body_replace(pattern, replacement) end

---Replaces every match in the part's source.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function msgpart_object:raw_replace(pattern, replacement) end

---Replaces every match in the part's decoded text, which keeps its charset and transfer encoding where these can hold the result.
---@param pattern string
---@param replacement string|function
---@return boolean # boolean
function msgpart_object:text_replace(pattern, replacement) end

---Puts a part first into this container; false if this is none.
---@param child msgpart
---@return boolean # boolean
function msgpart_object:addFirstChild(child) end

---Puts a part last into this container; false if this is none.
---@param child msgpart
---@return boolean # boolean
function msgpart_object:addLastChild(child) end

---Puts this part in front of another.
---@param part msgpart
---@return boolean # boolean
function msgpart_object:insertBefore(part) end

---Puts this part behind another.
---@param part msgpart
---@return boolean # boolean
function msgpart_object:insertAfter(part) end

---Takes the part, with all parts in it, out of its tree.
function msgpart_object:unlink() end

---@class msys.extended_package
msys.extended = {}

---Messages: envelope, headers, body, MIME parts, and new messages.
---@class msys.extended.message_package
msys.extended.message = {}

---The domain in whose queue the message goes out, in lower case; with an argument it is set first.
---@param domain? string
---@return string # string
function ec_message_object:routing_domain(domain) end

---The domain in whose queue a message goes out.
---@class msys.extended.message_routing_package
msys.extended.message_routing = {}

---The validation context of a session.
---@class validate_context
---@field code number The reply code chosen so far, 0 while there is none.
---@field note any The text of the reply chosen so far.
---@field disconnect number Assigning 1 closes the session after the reply.
local validate_context_object = {}

---A context variable as text, "" where it is absent.
---@param type number
---@param key string
---@return string # string
function validate_context_object:get(type, key) end

---Stores a value as text in the connection's or the message's context.
---@param type number
---@param key string
---@param value any
---@return number # number
function validate_context_object:set(type, key, value) end

---Whether a context variable is there.
---@param type number
---@param key string
---@return any # 1 or 0
function validate_context_object:exists(type, key) end

---Whether a context variable is there, and its value.
---@param type number
---@param key string
---@return any # 1, string or 0, nil
function validate_context_object:exists_and_get(type, key) end

---Sets the reply to the current command; 4xx and 5xx refuse it whatever the callout returns.
---@param code number
---@param text? string
function validate_context_object:set_code(code, text) end

---Replies and closes the session.
---@param code number
---@param text? string
function validate_context_object:disconnect(code, text) end

---Holds the reply back for that many seconds.
---@param seconds number
function validate_context_object:tarpit(seconds) end

---Adds one or several recipients to the transaction.
---@param addresses string|table
function validate_context_object:add_recipient(addresses) end

---Removes one or several recipients from the transaction.
---@param addresses string|table
function validate_context_object:remove_recipient(addresses) end

---The recipients accepted so far, from index 1; with an argument they are replaced first.
---@param addresses? string|table
---@return table # table
function validate_context_object:recipient_list(addresses) end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function validate_context_object:pbp_action() end

---Not written yet.
---@deprecated mtad does not support it: it is not written yet
function validate_context_object:pbp_disconnect() end

---The validation context: variables, the reply, the recipient list.
---@class msys.extended.vctx_package
msys.extended.vctx = {}

---Announces a capability in the reply to EHLO.
---@param name string
function accept_construct_object:esmtp_capability_add(name) end

---Does not announce a capability in the reply to EHLO.
---@param name string
function accept_construct_object:esmtp_capability_remove(name) end

---Connections.
---@class msys.extended.ac_package
msys.extended.ac = {}

---A JSON value: index it like a table, iterate with `for k, v in obj do`, and tostring it. Assigning nil deletes a member of an object.
---@class json
local json_object = {}

---JSON values that scripts read and write like tables. A root is always an object of class json; its members read as plain Lua values where they are scalars. What follows the value in a decoded text is ignored, as are comments.
---@class json_package
json = {}

---json.decode: nesting too deep.
json.ERROR_DEPTH = 2
---json.decode: unexpected end of data.
json.ERROR_PARSE_EOF = 3
---json.decode: unexpected character.
json.ERROR_PARSE_UNEXPECTED = 4
---json.decode: null expected.
json.ERROR_PARSE_NULL = 5
---json.decode: boolean expected.
json.ERROR_PARSE_BOOLEAN = 6
---json.decode: number expected.
json.ERROR_PARSE_NUMBER = 7
---json.decode: array value separator ',' expected.
json.ERROR_PARSE_ARRAY = 8
---json.decode: quoted object property name expected.
json.ERROR_PARSE_OBJECT_KEY_NAME = 9
---json.decode: object property name separator ':' expected.
json.ERROR_PARSE_OBJECT_KEY_SEP = 10
---json.decode: object value separator ',' expected.
json.ERROR_PARSE_OBJECT_VALUE_SEP = 11
---json.decode: invalid string sequence.
json.ERROR_PARSE_STRING = 12
---json.decode: expected comment.
json.ERROR_PARSE_COMMENT = 13
---Reads a JSON text; the message of a failure says at which offset.
---@param text string
---@return any # json value | nil, code, message
function json.decode(text) end

---Makes a JSON value of a Lua value. A table that has [1] becomes an array up to its first nil, any other an object.
---@param value? any
---@return any # json value
function json.encode(value) end

---Makes an empty JSON object.
---@return any # json value
function json.new() end

---The text of an error code of json.decode.
---@param code number
---@return string # string
function json.strerror(code) end

---Does nothing: memory is reclaimed by itself.
---@param obj json
function json.free(obj) end

---Does nothing: memory is reclaimed by itself.
---@param obj json
---@return boolean # true
function json.addref(obj) end

---Queries to the datasources of the configuration. The calling session is suspended, others go on. A row is a table by column name; a NULL is absent; a column can also be read by its number.
---@class msys.db_package
msys.db = {}

---Runs a query, and gives its rows one by one. Parameters are bound to ? by position, to :name and $name by name. The options are nocache, and raise_error = false, with which a failure is returned and not raised.
---@param cache string
---@param query string
---@param params? table
---@param options? table
---@return any # iterator | nil, message
function msys.db.query(cache, query, params, options) end

---Runs a query, and gives its first row, nil if there is none. Parameters are bound to ? by position, to :name and $name by name. The options are nocache, and raise_error = false, with which a failure is returned and not raised.
---@param cache string
---@param query string
---@param params? table
---@param options? table
---@return any # row | nil | nil, message
function msys.db.fetch_row(cache, query, params, options) end

---Runs a statement that has no result. Parameters are bound to ? by position, to :name and $name by name. The options are nocache, and raise_error = false, with which a failure is returned and not raised.
---@param cache string
---@param query string
---@param params? table
---@param options? table
---@return any # true | false, message
function msys.db.execute(cache, query, params, options) end

---The companion of msys.db, which scripts require beside it. It has no functions.
---@class msys.datasource_package
msys.datasource = {}

---Perl-compatible regular expressions (PCRE2, UTF-8). A match that costs too much raises an error.
---@class msys.pcre_package
msys.pcre = {}

---Matches a text. The table has the match under 0, the groups under 1 and on, and named groups under their names. A pattern that does not compile gives nil, the reason and where it is wrong.
---@param subject string
---@param pattern string
---@return any # table | nil | nil, message, offset
function msys.pcre.match(subject, pattern) end

---Replaces every match, or as many as limit says. The replacement may use $1, \1, ${1} and ${name}; or it is a function that gets the table of msys.pcre.match and gives a text, or nil to leave the match as it is.
---@param subject string
---@param pattern string
---@param replacement string|function
---@param limit? number
---@return any # string | nil, message, offset
function msys.pcre.replace(subject, pattern, replacement, limit) end

---Cuts a text at every match, into at most limit pieces; empty pieces are left out.
---@param subject string
---@param pattern string
---@param limit? number
---@return any # array | nil, message, offset
function msys.pcre.split(subject, pattern, limit) end

---Perl-compatible regular expressions (PCRE2, UTF-8). A match that costs too much raises an error.
---@class pcre_package
pcre = {}

---Matches a text. The table has the match under 0, the groups under 1 and on, and named groups under their names. A pattern that does not compile gives nil, the reason and where it is wrong.
---@param subject string
---@param pattern string
---@return any # table | nil | nil, message, offset
function pcre.match(subject, pattern) end

---Replaces every match, or as many as limit says. The replacement may use $1, \1, ${1} and ${name}; or it is a function that gets the table of msys.pcre.match and gives a text, or nil to leave the match as it is.
---@param subject string
---@param pattern string
---@param replacement string|function
---@param limit? number
---@return any # string | nil, message, offset
function pcre.replace(subject, pattern, replacement, limit) end

---Cuts a text at every match, into at most limit pieces; empty pieces are left out.
---@param subject string
---@param pattern string
---@param limit? number
---@return any # array | nil, message, offset
function pcre.split(subject, pattern, limit) end

---Base64 (RFC 4648 §4).
---@class msys.base64_package
msys.base64 = {}

---Encodes data; fold puts CRLF between lines of 76 bytes, charset converts the data from UTF-8 first.
---@param data any
---@param fold? boolean
---@param charset? string
---@return string # string
function msys.base64.encode(data, fold, charset) end

---Decodes text, and converts the result from charset to UTF-8. Blanks and line ends are skipped; what else cannot be decoded raises an error.
---@param text string
---@param charset? string
---@return string # string
function msys.base64.decode(text, charset) end

---Quoted-printable (RFC 2045 §6.7).
---@class msys.qp_package
msys.qp = {}

---Encodes text, after converting it from UTF-8 to charset; dotstuff escapes a dot that a new line break would put at the start of a line.
---@param data any
---@param charset? string
---@param dotstuff? boolean
---@return string # string
function msys.qp.encode(data, charset, dotstuff) end

---Decodes text, and converts the result from charset to UTF-8. An = that begins no code raises an error.
---@param text string
---@param charset? string
---@return string # string
function msys.qp.decode(text, charset) end

---Shows what a value holds.
---@class msys.dumper_package
msys.dumper = {}

---The value as a Lua statement, keys in order. A table of plain values is one line; one that holds tables is a line for each. What Lua cannot write down, and a table inside itself, is a string between angle brackets.
---@param value any
---@return string # string
function msys.dumper.Dumper(value) end

---A timer of msys.timer.
---@class timer
local timer_object = {}

---Cancels the timer.
function timer_object:stop() end

---Begins the timer's time anew, also after it has run or was stopped.
function timer_object:start() end

---The name given when the timer was made.
---@return string # string
function timer_object:name() end

---Functions that run later. Timers made while scripts load begin when the configuration is committed, and end with it; one goes on even if nobody holds its object.
---@class msys.timer_package
msys.timer = {}

---Runs a function once, after so many seconds.
---@param seconds number
---@param closure function
---@param name? string
---@return any # timer
function msys.timer.after(seconds, closure, name) end

---Runs a function once, at a time as os.time gives it.
---@param epoch number
---@param closure function
---@param name? string
---@return any # timer
function msys.timer.at(epoch, closure, name) end

---Runs a function again and again, so many seconds apart.
---@param seconds number
---@param closure function
---@param name? string
---@return any # timer
function msys.timer.every(seconds, closure, name) end

---A counter that msys.counter.open gave.
---@class counter
local counter_object = {}

---Counters of the whole server, known by a path such as /site/example/errors; the console shows them. A path that no counter has is created by every function but read and unlink.
---@class msys.counter_package
msys.counter = {}

---All handles share one value.
msys.counter.STRICT = 0
---Handles are added up when read.
msys.counter.RELAXED = 1
---Opens a counter, which the other functions take in place of its path.
---@param path string
---@param semantics? number
---@return any # counter
function msys.counter.open(path, semantics) end

---Adds one.
---@param counter any
function msys.counter.inc(counter) end

---Adds a whole number.
---@param counter any
---@param delta number
function msys.counter.add(counter, delta) end

---The counter's value; 0 for a path that no counter has.
---@param counter any
---@return number # number
function msys.counter.read(counter) end

---Sets the counter to 0.
---@param counter any
function msys.counter.reset(counter) end

---Removes a counter.
---In part: a handle does not keep counting for five minutes: its next use makes the counter anew, from 0.
---@param path string
function msys.counter.unlink(path) end

---A mutex of thread.mutex.
---@class mutex
local mutex_object = {}

---Takes the mutex, waiting for it. Taking it twice raises an error, unless it is recursive.
---@return boolean # true
function mutex_object:lock() end

---Takes the mutex if it is free. Otherwise it gives an error number (16), which counts as true in Lua.
---@return any # true | number
function mutex_object:trylock() end

---Gives the mutex back; one that is not the session's raises an error.
---@return boolean # true
function mutex_object:unlock() end

---A condition variable of thread.condition.
---@class condition
local condition_object = {}

---Takes the condition's mutex.
function condition_object:acquire() end

---Gives the condition's mutex back.
function condition_object:release() end

---Wakes one who waits.
function condition_object:signal() end

---Wakes all who wait.
function condition_object:broadcast() end

---Gives the mutex back, waits to be woken or until the seconds are over, and takes the mutex again.
---@param seconds? number
---@return any # nothing; with seconds whether it was woken
function condition_object:wait(seconds) end

---A lock of thread.rwlock.
---@class rwlock
local rwlock_object = {}

---Takes the lock for reading, waiting for it.
---@return boolean # true
function rwlock_object:rdlock() end

---Takes the lock for writing, waiting for it.
---@return boolean # true
function rwlock_object:wrlock() end

---Takes the lock for reading if that is possible at once, else gives an error number.
---@return boolean # true
function rwlock_object:tryrdlock() end

---Takes the lock for writing if that is possible at once, else gives an error number.
---@return boolean # true
function rwlock_object:trywrlock() end

---Gives the lock back.
---@return boolean # true
function rwlock_object:unlock() end

---A thread of thread.create; there are none.
---@class thread_object
local thread_object_object = {}

---Waits for a thread.
---@deprecated mtad does not support it: a script starts no threads
---@return boolean # true
function thread_object_object:join() end

---Locks between sessions. Who waits for one lets the others go on. A lock belongs to the session, and is released at the latest when the call ends in which it was taken.
---@class thread_package
thread = {}

---A mutex; taking it twice raises an error, where the original would wait for ever.
thread.MUTEX_NORMAL = 0
---A mutex that its owner may take several times.
thread.MUTEX_RECURSIVE = 1
---A mutex; taking it twice raises an error. The default.
thread.MUTEX_ERRORCHECK = 2
---Makes a mutex.
---@param type? number
---@return any # mutex
function thread.mutex(type) end

---Makes a condition variable, with a mutex of its own if none is given.
---@param mutex? mutex
---@return any # condition
function thread.condition(mutex) end

---Makes a lock that many may hold for reading or one for writing.
---@return any # rwlock
function thread.rwlock() end

---Suspends the session for whole seconds, as msys.sleep does.
---@param seconds number
---@return any # 0
function thread.sleep(seconds) end

---Starts a thread.
---@deprecated mtad does not support it: a script starts no threads; msys.runInPool("IO", fn, true) runs fn beside the session
---@param fn function
---@param arg? any
---@param joinable? boolean
---@return any # thread
function thread.create(fn, arg, joinable) end

---Bytes of buffer.new. #b is how many are in use, tostring(b) is those. Positions count from 0; stop is the position behind the last byte.
---@class buffer
local buffer_object = {}

---Writes behind what is in use, or at an offset, as much as there is room for, and gives the number of bytes written.
---@param text string
---@param offset? number
---@return number # number
function buffer_object:write(text, offset) end

---The bytes of a range; nil where it reaches beyond what is in use.
---@param start? number
---@param stop? number
---@return any # string | nil
function buffer_object:string(start, stop) end

---A buffer that shares the bytes of a range: writing to it changes this one. nil where the range reaches beyond the size.
---@param start? number
---@param stop? number
---@return any # buffer | nil
function buffer_object:slice(start, stop) end

---Copies bytes into another buffer, as many as it has room for, and gives their number.
---@param dest buffer
---@param dest_offset? number
---@param start? number
---@param length? number
---@return number # number
function buffer_object:copy(dest, dest_offset, start, length) end

---Bytes that can be changed in place.
---@class buffer_package
buffer = {}

---Makes a buffer of so many bytes, at most 16 MiB, or one that holds the text. It does not grow.
---@param size_or_text string|number
---@return any # buffer
function buffer.new(size_or_text) end

