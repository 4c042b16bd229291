/*
 * Constant IP addresses of the network libraries.
 */
typedef struct {
    unsigned char bytes[16];
} in6;
typedef struct {
    unsigned char bytes[4];
} in4;

#define IN6(name, ...)                                                                             \
    extern const in6 name;                                                                         \
    const in6 name = {{__VA_ARGS__}}
#define IN4(name, ...)                                                                             \
    extern const in4 name;                                                                         \
    const in4 name = {{__VA_ARGS__}}

IN6(in6addr_any, 0);
IN6(in6addr_loopback, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
IN6(in6addr_v4mappedprefix, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF);
IN6(in6addr_allnodesonnode, 0xFF, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
IN6(in6addr_allnodesonlink, 0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
IN6(in6addr_allroutersonlink, 0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2);
IN6(in6addr_linklocalprefix, 0xFE, 0x80);
IN6(in6addr_multicastprefix, 0xFF);
IN6(in6addr_solicitednodemulticastprefix, 0xFF, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xFF);
IN6(in6addr_6to4prefix, 0x20, 2);
IN6(in6addr_teredoprefix, 0x20, 1);
IN4(in4addr_any, 0);
IN4(in4addr_loopback, 127, 0, 0, 1);
IN4(in4addr_broadcast, 0xFF, 0xFF, 0xFF, 0xFF);
IN4(in4addr_allnodesonlink, 224, 0, 0, 1);
IN4(in4addr_allroutersonlink, 224, 0, 0, 2);
IN4(in4addr_linklocalprefix, 169, 254);
