package api

// hookReasons are the reasons of callouts. Those that mtad may call one day say
// what does the same today.
func hookReasons() []reason {
	const (
		never   = "it shows the inside of the original's server, which mtad does not have"
		queue   = "mtad orders its queues itself; set msg.priority, or the throttles and retry options of a domain scope"
		tlsIn   = "TLS is configured by the listener's tls_ options, and its outcome is in the connection context (tls, tls_cipher and others)"
		tlsOut  = "TLS of deliveries is configured by the domain's tls options, not by scripts"
		reports = "delivery reports are made by mtad itself (RFC 3464); generate_bounces, bounces_inline_original and mailerdaemon are what can be said"
		counts  = "mtad counts connections and messages itself; the console and the metrics show them, and limits are options"
		resolve = "names are resolved by mtad's resolver; set gateway in the domain scope, or msg:routing_domain in validate_set_binding"
		console = "mtad decides who may use the console by the control_listener scope; the paniclog says what was done"
		cluster = "mtad nodes form no cluster of this kind; a datasource is what nodes share"
		dialog  = "the dialogue of a delivery is not shown to scripts; core_log_* callouts see its outcome"
		logs    = "the callout is not there yet; core_log_reception_v1, core_log_delivery_v1, core_log_transient_failure_v1 and core_log_permanent_failure_v1 are"
		auth    = "the core does not call it yet; the outcome of AUTH is in the connection context"
		bounces = "reports are made without asking scripts; generate_bounces of a domain scope switches them off"
	)
	h := func(why string, names ...string) reason { return reason{"hook", names, why} }
	return []reason{
		h(mobileWhy, "smpp_*", "mm7_*", "mms_*", "apn_*", "gcm_*", "client_message_recv"),
		h("the core does not call it yet: mtad takes mail over SMTP, where validate_data_spool is called", "restinj_*"),
		h(auth, "core_validate_auth", "core_validate_auth_hook", "core_pre_esmtp_auth", "ac_auth_*"),
		h("the core picks a binding of the group itself; choose one with msg:binding in validate_set_binding", "core_binding_group_choose_binding"),
		h("set msg:routing_domain in validate_set_binding or before", "core_config_get_message_routing_domain"),
		h("set msg:routing_domain or msg:binding in validate_set_binding, and refuse in core_final_validation2", "core_ec_message_enqueue"),
		h(bounces, "core_generate_bounces", "core_post_generate_rfc3464_message", "core_post_generate_soft_bounce_message"),
		h("set a header of your own with msg:header in validate_data_spool", "core_get_received_header_text", "core_get_protocol_string_for_trace_headers"),
		h(logs, "core_log_attempt_v1", "core_log_client_connection_*", "core_pre_mail_queue_message_requeue", "core_pre_mailq_message_requeue"),
		h("validate_dealloc is called when a session is over, for whatever reason", "core_server_esmtp_session_abort"),
		h("core_post_msg_each_rcpt is called after every each_rcpt callout", "core_post_validate_data_spool_each_rcpt_v1"),
		h(tlsIn, "core_inbound_smtp_tls_*", "core_get_inbound_tls_parameters", "core_ec_ssl_SSL_CTX_fixup"),
		h(tlsOut, "core_outbound_tls_*", "core_get_outbound_tls_parameters", "core_outbound_smtp_tls_verify_callback", "core_use_outbound_tls", "core_smtp_tls_reporting"),
		h(reports, "core_generate_rfc3464_message*", "core_generate_soft_bounce_message*", "core_rfc3464_inline_message_fragment", "delay_dsn_*"),
		h("mtad makes no seed copies; vctx:add_recipient adds a recipient, msg:copy and msg:inject send a copy", "seedlist_generate_seed"),
		h(httpOutWhy, "generic_delivery_*", "http_request_eval", "http_response_eval", "build_request", "handle_response"),
		h("mtad serves no HTTP for scripts; msys.registerControl adds a console command", "httpsrv handler"),
		h(cluster, "cluster_*", "msgc_*", "publish_packet", "core_gauge_cache_manip", "core_is_adaptive_scope_global", "core_cache_*"),
		h(sieveWhy, "sieve_*"),
		h(console, "core_aaa_log", "core_control_allow_writable_config*", "core_control_post_*", "core_control_pre_command", "core_pre_console_release"),
		h("deinit is called at the end; a hook module's Close too", "core_control_shutdown*"),
		h("a script cannot change the configuration; init runs at each load of it, rsrc_setup after", "core_config_option_*", "core_post_config_commit"),
		h(resolve, "core_dns_*", "core_config_fetch_domain_routes", "core_post_dns_handle_*", "core_pre_dns_handle_*", "core_veto_host_connection"),
		h("relay_domains and relay_hosts decide about relaying, and can_relay of the connection context, which a script may set", "core_config_get_domain_relay", "core_pre_ec_can_relay_to"),
		h(counts, "core_inc_*", "core_dec_*"),
		h(queue, "core_mail_queue_*", "core_mailq_*", "core___mail_queue_maintain", "core_post_mail_queue_maintain_domain", "core_pre_mail_queue_maintain_domain",
			"core_set_delayed_queue_event", "core_ec_message_set_next_attempt", "core_get_msg_expiration_params", "core_config_get_domain_host_failure_retry",
			"core_check_outbound_*", "core_connection_goal", "core_annotate_batch", "core_assess_batch", "core_domain_requires_master_scheduler"),
		h("edit the message before it is spooled, with msg:header, msg:body or its MIME parts", "core_body_modify"),
		h("replies are not classified for scripts; the note of core_log_permanent_failure_v1 has their text", "core_bounce_error_classify", "core_smtp_error_classify"),
		h(dialog, "core_smtp_client_*", "core_smtp_should_session_shutdown", "core_post_read_smtp", "core_pre_read_smtp", "core_post_initiate_connection_smtp",
			"core_connection_post_bind", "core_premigrate_outbound_connection"),
		h("each command has a callout of its own: validate_ehlo, validate_mailfrom, validate_rcptto, validate_data", "core_post_smtp_command"),
		h("msg:mime and msgpart:content_type tell a part's type; the original's override is not there", "core_ec_message_part_get_content_type", "core_ec_mime_component_extract_content_type"),
		h("messages for several channels are none of mtad's; it carries mail", "core_ec_message_mcmt_*"),
		h("msys.expandMacro knows the documented macros; a Lua function does what others would", "core_validate_expand_string"),
		h("the paniclog has what happens; mtad's files are reopened by SIGHUP", "core_log_error", "core_log_reopen"),
		h("`mtad spool import` tells on its own output", "core_log_spool_import", "core_disk_queue_core_inject"),
		h("validate_set_binding or core_final_validation sees each message once, before it is spooled", "core_post_swap_in_meta", "core_pre_swap_out_meta", "core_swap_out_multi"),
		h(never, "core_ec_bag_find", "core_esmtp_message_sp_async_samfunc", "core_message_body_in_core", "core_post_assemble_fwd_message", "core_post_drop_privileges",
			"core_pre_drop_privileges", "core_post_event_*", "core_pre_event_close", "core_sys_init"),
	}
}

// HookReason says why mtad never calls a callout that the original documents;
// "" for a name that the original does not document.
func HookReason(name string) string {
	for _, d := range documentedNames() {
		if d.kind == "hook" && d.name == name {
			return reasonFor("hook", name)
		}
	}
	return ""
}
