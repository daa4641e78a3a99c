package api

// fieldReasons are the reasons of fields and context variables.
func fieldReasons() []reason {
	f := func(why string, names ...string) reason { return reason{"field", names, why} }
	return []reason{
		f(engineWhy, "msys.dp_config.beik", "msys.dp_config.cloudmark", "msys.dp_config.commtouch"),
		f("a script's own socket would block all sessions; msys.dnsLookup and msys.db wait without blocking", "require 'socket'"),
		f("memory is bounded by memory_limit, and collectgarbage(\"count\") tells how much is used", "require 'msys.gc_stats'"),
		f("they are scripts of the original's HTTP service; mtad takes mail over SMTP", "require 'msys.rest.*'"),
		f("AUTH sets it, where the listener offers that", "vctx_conn:auth_*"),
		f("the original's conntrol module sets it, which mtad does not have", "vctx_conn:conntrol_*"),
		f("the original's mail_loop module sets it, which mtad does not have; #msg:header(\"Received\") counts the hops", "vctx_conn:mail_loop_*"),
		f("modules are not switched off by a variable; leave a hook with VALIDATE_DONE, and later scripts and modules are not asked", "vctx_conn:__bypass_MODULE"),
		f("SPF is not checked yet; read the TXT record with msys.dnsLookup where a simple rule does", "vctx_mess:spf_status"),
		f("Sender ID (RFC 4406) is historic; SPF and DKIM replaced it", "vctx_mess:senderid_*"),
		f("DomainKeys was replaced by DKIM (RFC 6376)", "vctx_mess:dk_status"),
		f("no call-back is made: most hosts take it for an attack; check the sender's domain with msys.dnsLookup", "vctx_mess:smtp_cbv_result"),
		f("mtad's SMTP client does not authenticate itself; let the next hop take its mail by address or client certificate (tls_certificate)", "vctx_mess:outbound_smtp_auth_*"),
		f(engineWhy, "vctx_mess:brightmail*", "vctx_mess:commtouch*", "vctx_mess:cmae-*", "vctx_mess:eleven-*"),
		f(mobileWhy, "vctx_mess:SMS_*", "vctx_mess:MM7_*", "vctx_mess:DLV_*"),
		f("ARC (RFC 8617) is not there yet", "vctx_mess:arc_*"),
		f(sieveWhy, "vctx_conn:datasource_error", "vctx_conn:dns_status"),
		f(streamWhy, "vctx_mess:mo_*", "vctx_conn:mo_customer_id", "vctx_mess:cust_*", "vctx_mess:smtpapi_*", "vctx_mess:cl_MID"),
		f(notInMtad, "vctx_conn:_tls_note", "vctx_mess:#batch_ids", "vctx_mess:#seedlist-orig-from"),
		f("the queue decides it after the message has left the script; msg.num_retries and msg.delivered tell how far it is", "msg.next_attempt"),
		f("vctx:tarpit delays, and msys.sleep waits without holding others up", "vctx.tcost", "vctx.deschedule"),
		f("the limits are options of the listener; msys.config(\"eval\", ...) reads one", "mc.connection_message_limit", "mc.message_rcpt_limit", "mc.max_message_size"),
		f("deliveries are counted by the console and the metrics", "dr.deliveries"),
		f("the dialogue of a delivery is not shown to scripts; core_log_* callouts see its outcome", "args.dict", "dc.message", "dc.conn_handle"),
	}
}
