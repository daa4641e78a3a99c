# not converted: mtad has no such thing; instead: the console's commands and paniclog show it
#   Debug_Flags { DEBUG = ()  ERROR = (TIME FD SMTP) }
#! 13-debug-flags.conf:1: unconverted: Debug_Flags: mtad has no such thing; instead: the console's commands and paniclog show it
