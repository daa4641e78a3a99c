package api

import (
	"context"
	"time"

	lua "github.com/yuin/gopher-lua"
	"golang.org/x/sys/unix"

	"github.com/mtad/mtad/sdk"
)

const (
	classStatvfsRecord = "ec_statvfs_record"
	classStatvfs       = "ec_statvfs"
)

// statvfsInterval is how old a snapshot may be where the script gives no
// interval.
const statvfsInterval = 5 * time.Second

// statvfsRecord is a subscription: the last snapshot of a path, and when it is
// too old. It lives in one interpreter, whose lock guards it.
type statvfsRecord struct {
	path     string
	interval time.Duration
	taken    time.Time
	snapshot statvfs
}

// statvfs is a snapshot of a file system (statvfs(3)).
type statvfs struct {
	version, kbAvailable, kbTotal, objectsAvailable, objectsTotal float64
}

// statvfsPackage is the part of msys.os that the manual describes. stat asks
// the system; it may hang, on a file system over the network.
func statvfsPackage(stat func(path string) (statvfs, error)) Package {
	field := func(name, doc string, get func(*statvfs) float64) Field {
		return Field{Name: name, Type: "number", Doc: doc, Phases: "any", Get: func(_ *Env, _ *lua.LState, self *lua.LUserData) lua.LValue {
			return lua.LNumber(get(self.Value.(*statvfs)))
		}}
	}
	return Package{
		Name: "msys.os",
		Doc:  "How full file systems are.",
		Funcs: []Func{
			{
				Name: "statvfs_subscribe", Params: []Param{{Name: "path", Type: String}, {Name: "interval", Type: Number}},
				Returns: "record", Phases: "any", Since: "3.2",
				Doc:     "Begins to watch the file system that path is on. A snapshot is taken when it is read and the last one is older than interval seconds, 5 for 0.",
				Example: `local record = msys.os.statvfs_subscribe("/var/spool", 10)`,
				Do: func(e *Env, L *lua.LState) int {
					r := &statvfsRecord{path: L.ToString(1), interval: seconds(L.ToNumber(2))}
					if r.interval <= 0 {
						r.interval = statvfsInterval
					}
					L.Push(e.Object(classStatvfsRecord, r))
					return 1
				},
			},
			{
				Name: "statvfs_read", Params: []Param{{Name: "record", Type: Userdata, Class: classStatvfsRecord}},
				Returns: "statvfs | nil, message", Phases: "any", Since: "3.2",
				Doc:     "The latest snapshot of a subscription.",
				Example: `local st, err = msys.os.statvfs_read(record)`,
				Do:      func(e *Env, L *lua.LState) int { return statvfsRead(e, L, stat) },
			},
		},
		Classes: []Class{
			{Name: classStatvfsRecord, Doc: "A subscription of msys.os.statvfs_subscribe."},
			{Name: classStatvfs, Doc: "A snapshot of a file system.", Fields: []Field{
				field("version", "Grows with each snapshot.", func(s *statvfs) float64 { return s.version }),
				field("kilobytes_available", "Free for other users than root, in KiB.", func(s *statvfs) float64 { return s.kbAvailable }),
				field("kilobytes_total", "Size, in KiB.", func(s *statvfs) float64 { return s.kbTotal }),
				field("objects_available", "Free inodes.", func(s *statvfs) float64 { return s.objectsAvailable }),
				field("objects_total", "Inodes.", func(s *statvfs) float64 { return s.objectsTotal }),
			}},
		},
	}
}

func statvfsRead(e *Env, L *lua.LState, stat func(string) (statvfs, error)) int {
	r := L.ToUserData(1).Value.(*statvfsRecord)
	if e.World.Config().CheckOnly {
		return failure(L, r.path+": "+sdk.ErrNoIO.Error())
	}
	if now := e.World.Now(); r.taken.IsZero() || now.Sub(r.taken) >= r.interval {
		var fresh statvfs
		var err error
		e.World.Wait(L, false, func(context.Context) { fresh, err = stat(r.path) })
		if err != nil {
			return failure(L, r.path+": "+err.Error())
		}
		fresh.version = r.snapshot.version + 1
		r.taken, r.snapshot = now, fresh
	}
	out := r.snapshot
	L.Push(e.Object(classStatvfs, &out))
	return 1
}

// systemStatvfs asks the system.
func systemStatvfs(path string) (statvfs, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(path, &st); err != nil {
		return statvfs{}, err
	}
	const kib = 1024
	block := float64(st.Bsize)
	return statvfs{
		kbAvailable: float64(st.Bavail) * block / kib, kbTotal: float64(st.Blocks) * block / kib,
		objectsAvailable: float64(st.Ffree), objectsTotal: float64(st.Files),
	}, nil
}
