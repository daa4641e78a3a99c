-- Writes what each client said in its EHLO to the paniclog.
require("msys.core");

local mod = {};

function mod:validate_ehlo(str, ac, vctx)
  print("ehlo string is: " .. vctx:get(msys.core.VCTX_CONN, "ehlo_string"));
  return msys.core.VALIDATE_CONT;
end

msys.registerModule("ehlo_phase", mod);
