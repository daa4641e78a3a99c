package spool

import (
	"io/fs"

	"github.com/mtad/mtad/sdk"
	"github.com/mtad/mtad/sdk/option"
)

// Config is the spool's options in the global scope, under the names of the
// original (reference/config-options.tsv). All of them need a restart.
type Config struct {
	Spoolbase    string `opt:"spoolbase" default:"/var/spool/mtad" scopes:"global" help:"Directory of the spool."`
	SpoolMode    uint32 `opt:"spool_mode" type:"octal" default:"0640" scopes:"global" help:"Mode of spool files."`
	ForceFsync   bool   `opt:"force_fsync" default:"true" scopes:"global" help:"Kept for its name: mail is always on the disk before it is accepted, unless _unsafe_spool says otherwise."`
	UnsafeSpool  bool   `opt:"_unsafe_spool" default:"false" scopes:"global" help:"Accept mail without syncing it. It is lost when the power or the system fails."`
	KeepDicts    bool   `opt:"keep_message_dicts_in_memory" default:"false" scopes:"global" help:"Taken for compatibility: a message's contexts are in the spool, and there for every hook."`
	Preallocate  bool   `opt:"spool_preallocate" default:"true" scopes:"global" help:"Write the next segment of the spool full of zeros before it is needed: syncing mail into it takes half the time."`
	MinFreeSpace int64  `opt:"min_free_space" type:"bytes" unit:"bytes" default:"104857600" scopes:"global" help:"Below this much free space new mail gets 452 4.3.1."`
}

// ReadConfig decodes the options from the global scope; what it does not know
// belongs to others.
func ReadConfig(global *option.Scope) (Config, option.Problems) {
	var c Config
	problems := option.DecodeLayers(&c, global)
	return c, problems
}

// Options are what Open needs of the configuration.
func (c *Config) Options() Options {
	return Options{
		Dir: c.Spoolbase, FS: OS{Mode: fs.FileMode(c.SpoolMode)},
		MinFree: c.MinFreeSpace, Unsafe: c.UnsafeSpool, Preallocate: c.Preallocate,
	}
}

// Warnings are what an operator should know of these options, for a start and
// for `mtad check`.
func (c *Config) Warnings() (list []sdk.LogRecord) {
	if !c.ForceFsync && !c.UnsafeSpool {
		list = append(list, sdk.LogRecord{Level: sdk.LevelWarning, Source: "spool",
			Text: "force_fsync = false has no effect: mail is synced before it is accepted; only _unsafe_spool = true turns that off"})
	}
	return list
}
