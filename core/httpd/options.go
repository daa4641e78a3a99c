package httpd

import "time"

// Options are the options of one client at one HTTP listener
// (reference/config-options.tsv), after the layers peer, listen, http_listener,
// pathway and global are resolved. NewProfile makes them fit for use. Where a
// default is not the manual's, docs/quirks.md says why.
type Options struct {
	Pathway string            `opt:"pathway" default:"default" scopes:"http_listener,listen,peer" help:"Pathway that the listener or peer belongs to."`
	Context map[string]string `opt:"context" type:"dict" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Variables preset in the connection context."`

	AuthRequired   bool              `opt:"enable_authentication" default:"true" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Requests need authentication; false is always_allow."`
	AlwaysAllow    bool              `opt:"always_allow" default:"false" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Take requests without authentication. Only a listener on the loopback or on a socket's path may."`
	AlwaysDeny     bool              `opt:"always_deny" default:"false" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Refuse every request; it beats all else."`
	Plain          map[string]string `opt:"authplainparameters" type:"dict" scopes:"http_listener,listen,pathway,pathway_group" help:"Authorization: Basic: uri, realm and log_authentication."`
	Tokens         []string          `opt:"bearer_tokens" type:"list" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Authorization: Bearer: name:token each, the token as it is or as sha256: and its hash in hex."`
	TokenFile      string            `opt:"bearer_token_file" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"File of further tokens, one a line; read at each reload."`
	PeerAuthorized bool              `opt:"tls_verified_peer_is_authorized" default:"false" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"A verified client certificate is authentication enough."`

	IdleTime      time.Duration `opt:"idle_time" type:"seconds" unit:"seconds" default:"300" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"How long a connection may wait for its next request; 0: for ever."`
	RequestTime   time.Duration `opt:"request_timeout" type:"seconds" unit:"seconds" default:"60" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"How long a client may take for the next piece of a request, or to take an answer."`
	MaxRequest    int64         `opt:"max_request_size" type:"bytes" unit:"bytes" default:"26214400" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Largest request body; 0: unlimited for a message as it is, 256 MiB for JSON."`
	MaxRcpts      int64         `opt:"max_recipients_per_message" default:"1000" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Recipients of one request, at most 10000."`
	MaxRequests   int64         `opt:"max_requests_per_connection" default:"1000" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Requests answered before a connection is closed; 0: unlimited."`
	Sessions      int64         `opt:"listener_sessions" default:"1000" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Concurrent connections to one listener; 0: unlimited."`
	LogToPaniclog bool          `opt:"log_requests_to_paniclog" default:"false" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Write each request to the paniclog as well."`
	Trace         bool          `opt:"rfc2822_trace_headers" default:"true" scopes:"global,pathway,pathway_group" help:"Add a Received field."`
	ReceivedHost  string        `opt:"received_hostname" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Host name written in Received fields."`
	UseSSL        bool          `opt:"use_ssl" default:"false" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"HTTPS; it needs tls_certificate."`
	TLSCert       string        `opt:"tls_certificate" scopes:"http_listener,global,listen,pathway,pathway_group,peer" help:"Server certificate chain, PEM."`
	TLSKey        string        `opt:"tls_key" scopes:"http_listener,global,listen,pathway,pathway_group,peer" help:"Private key, where it is not in the certificate's file."`
	TLSClientCA   string        `opt:"tls_client_ca" scopes:"http_listener,global,listen,pathway,pathway_group,peer" help:"Trust anchors for client certificates, PEM."`
	TLSVerifyMode string        `opt:"tls_verify_mode" type:"enum" enum:"none,require" scopes:"http_listener,listen,pathway,pathway_group,peer" help:"Client certificates: never asked for, or demanded; unset: asked for where tls_client_ca is set."`
	TLSProtocols  string        `opt:"tls_protocols" default:"+ALL" scopes:"http_listener,global,listen,pathway,pathway_group,peer" help:"Protocol versions, as +ALL:-TLSv1.2. ALL is TLS 1.2 and 1.3; older ones must be named."`
	TLSCiphers    string        `opt:"tls_ciphers" default:"DEFAULT" scopes:"http_listener,global,listen,pathway,pathway_group,peer" help:"Cipher suites up to TLS 1.2 by their OpenSSL names; DEFAULT: a safe choice."`
}

// mostRcpts is what a transaction can hold.
const mostRcpts = 10000

// mostJSON is the most that is read of a JSON request, which is held in memory,
// in bytes.
const mostJSON = 256 << 20
