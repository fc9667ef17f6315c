/* redis_script.c - the scripts, and the names that Redis calls them by
 *
 * Ids are compared as texts of digits, since numbers of Lua are doubles; only what is added to is a
 * number, and never above 2^53. */
#include "bus/redis_script.h"

#include "codec/sha1.h"

#define COMMON \
	"local function less(a,b)\n" \
	" local ah,al=string.match(a,'^(%d+)%-(%d+)$') local bh,bl=string.match(b,'^(%d+)%-(%d+)$')\n" \
	" if #ah~=#bh then return #ah<#bh end if ah~=bh then return ah<bh end\n" \
	" if #al~=#bl then return #al<#bl end return al<bl end\n" \
	"local function info(k,name)\n" \
	" local i=redis.call('XINFO','STREAM',k)\n" \
	" for n=1,#i,2 do if i[n]==name then return i[n+1] end end end\n"

/* KEYS epoch begin last; ARGV a fresh epoch, ours, our head: {epoch, begin, last}. A log that ends
 * before our head has lost its end: what is written now may have positions that were others'. */
static const char hello[] = COMMON
	"local e=redis.call('GET',KEYS[1]) local l=redis.call('GET',KEYS[3]) or '0-0'\n"
	"if not e then e=ARGV[1] redis.call('SET',KEYS[1],e) redis.call('SET',KEYS[2],'0-0')\n"
	"elseif e==ARGV[2] and less(l,ARGV[3]) then\n"
	" e=ARGV[1] redis.call('SET',KEYS[1],e) redis.call('SET',KEYS[2],l) end\n"
	"return {e,redis.call('GET',KEYS[2]) or '0-0',l}\n";

/* KEYS stream epoch last rooms begin [dedup]; ARGV payload, what goes in front of it live, the most
 * to keep, a fresh epoch, ms of dedup, fields...: {epoch, id, 1 where it was there before}.
 * The id is above all that were given, those of this stream by others included. */
static const char publish[] = COMMON
	"local k=KEYS[1]\n"
	"local e=redis.call('GET',KEYS[2])\n"
	"if not e then e=ARGV[4] redis.call('SET',KEYS[2],e) redis.call('SET',KEYS[5],'0-0') end\n"
	"if KEYS[6] then local d=redis.call('GET',KEYS[6]) if d then return {e,d,1} end end\n"
	"local top=redis.call('XREVRANGE',k,'+','-','COUNT',1)\n"
	"local p=top[1] and top[1][1] or '0-0'\n"
	"local was=redis.call('HGET',KEYS[4],k)\n"
	"if was and less(p,was) then p=was end\n"
	"local m=redis.call('GET',KEYS[3]) or '0-0'\n"
	"if less(m,p) then m=p end\n"
	"local function after(m)\n"
	" local t=redis.call('TIME') local ms=t[1]*1000+math.floor(t[2]/1000)\n"
	" local h,l=string.match(m,'^(%d+)%-(%d+)$')\n"
	" if tonumber(h)<ms then return string.format('%.0f-0',ms) end\n"
	" if tonumber(l)>=9007199254740991 then return string.format('%.0f-0',tonumber(h)+1) end\n"
	" return string.format('%s-%.0f',h,tonumber(l)+1) end\n"
	"local function add(id)\n"
	" local a={'XADD',k}\n"
	" if tonumber(ARGV[3])>0 then a[3]='MAXLEN' a[4]='~' a[5]=ARGV[3] end\n"
	" a[#a+1]=id a[#a+1]='p' a[#a+1]=p a[#a+1]='data' a[#a+1]=ARGV[1]\n"
	" for i=6,#ARGV do a[#a+1]=ARGV[i] end\n"
	" return redis.pcall(unpack(a)) end\n"
	"local id=after(m)\n"
	"local r=add(id)\n"
	/* others deleted what they had added last: its id is spent */
	"if type(r)=='table' and r.err and string.find(r.err,'equal or smaller') then\n"
	" p=info(k,'last-generated-id') id=after(p) r=add(id) end\n"
	"if type(r)=='table' and r.err then return r end\n"
	"redis.call('SET',KEYS[3],id)\n"
	"redis.call('HSET',KEYS[4],k,id)\n"
	"if KEYS[6] then redis.call('SET',KEYS[6],id,'PX',ARGV[5]) end\n"
	"redis.call('PUBLISH',k,e..' '..p..' '..id..' '..ARGV[2]..string.sub(ARGV[1],2))\n"
	"return {e,id,0}\n";

/* KEYS epoch rooms streams...; ARGV after, the most entries and bytes of each stream:
 * {epoch, {gap, more, entries}...}. gap: the id up to which entries may be missing, with '<' in
 * front: up to just before it; '' where none can be. */
static const char page[] = COMMON
	"local r={redis.call('GET',KEYS[1]) or ''} local after=ARGV[1]\n"
	"for i=3,#KEYS do local k=KEYS[i] local gap='' local more=0\n"
	" local t=redis.call('TYPE',k).ok\n"
	" if t~='stream' and t~='none' then r[#r+1]={'',0,{}} else\n"
	" local es=redis.call('XRANGE',k,'('..after,'+','COUNT',ARGV[2])\n"
	" if #redis.call('XREVRANGE',k,after,'-','COUNT',1)==0 then\n"
	"  local was=redis.call('HGET',KEYS[2],k) local n=es[1]\n"
	"  if not n then\n"
	"   local last=was or '0-0'\n"
	"   if redis.call('EXISTS',k)==1 then local g=info(k,'last-generated-id')\n"
	"    if less(last,g) then last=g end end\n"
	"   if less(after,last) then gap=last end\n"
	"  else\n"
	"   local p for j=1,#n[2],2 do if n[2][j]=='p' then p=n[2][j+1] end end\n"
	"   if p and string.match(p,'^%d+%-%d+$') then if less(after,p) then gap=p end\n"
	"   elseif info(k,'entries-added')~=info(k,'length') then gap='<'..n[1] end end end\n"
	" if #es==tonumber(ARGV[2]) then more=1 end\n"
	" local bytes=0\n"
	" for j=1,#es do for f=1,#es[j][2] do bytes=bytes+#es[j][2][f] end\n"
	"  if bytes>tonumber(ARGV[3]) and j<#es then\n"
	"   more=1 for d=#es,j+1,-1 do es[d]=nil end break end end\n"
	" r[#r+1]={gap,more,es} end end\n"
	"return r\n";

/* KEYS epoch last streams...; ARGV kind, argument: {epoch, last, {top, ids...}...}, newest first. */
static const char locate[] =
	"local r={redis.call('GET',KEYS[1]) or '',redis.call('GET',KEYS[2]) or '0-0'}\n"
	"for i=3,#KEYS do local k=KEYS[i] local es={}\n"
	" local t=redis.call('TYPE',k).ok\n"
	" if t~='stream' then r[#r+1]={''} else\n"
	" local top=redis.call('XREVRANGE',k,'+','-','COUNT',1)\n"
	" if ARGV[1]=='earliest' then es=redis.call('XRANGE',k,'-','+','COUNT',1)\n"
	" elseif ARGV[1]=='last' then es=redis.call('XREVRANGE',k,'+','-','COUNT',ARGV[2])\n"
	" elseif ARGV[1]=='time' then es=redis.call('XRANGE',k,ARGV[2],'+','COUNT',1) end\n"
	" local ids={top[1] and top[1][1] or ''}\n"
	" for j=1,#es do ids[#ids+1]=es[j][1] end\n"
	" r[#r+1]=ids end end\n"
	"return r\n";

static const char *const texts[SCRIPTS] = { hello, publish, page, locate };

struct str redis_script_text(enum redis_script which)
{
	return str_of(texts[which]);
}

struct str redis_script_sha(enum redis_script which)
{
	static char hex[SCRIPTS][2 * SHA1_BYTES + 1];
	static const char digits[] = "0123456789abcdef";
	unsigned char sum[SHA1_BYTES];

	if (!hex[which][0]) {
		sha1(texts[which], strlen(texts[which]), sum);
		for (size_t i = 0; i < SHA1_BYTES; i++) {
			hex[which][2 * i] = digits[sum[i] >> 4];
			hex[which][2 * i + 1] = digits[sum[i] & 15];
		}
	}
	return str_make(hex[which], 2 * SHA1_BYTES);
}
