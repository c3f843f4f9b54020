# Linked privately by every target of our own; libraries come in as SYSTEM.
add_library(penstock_warnings INTERFACE)
target_compile_options(penstock_warnings INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast -Woverloaded-virtual
  -Wnon-virtual-dtor -Wcast-align -Wcast-qual -Wformat=2 -Wimplicit-fallthrough -Wnull-dereference
  -Wdouble-promotion -Wundef -Wextra-semi -Wvla)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_compile_options(penstock_warnings INTERFACE
    -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wuseless-cast -Wsuggest-override)
  if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" OR PENSTOCK_SANITIZE)
    # With optimisation or sanitizers GCC 12 reports faults that are not there inside std::variant, std::string and Boost
    # (GCC bugs 105562, 106199 and their like). The dev and clang presets keep watch.
    target_compile_options(penstock_warnings INTERFACE -Wno-null-dereference -Wno-maybe-uninitialized
      -Wno-free-nonheap-object -Wno-array-bounds -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict
      -Wno-dangling-pointer)
  endif()
else()
  target_compile_options(penstock_warnings INTERFACE
    -Wthread-safety -Wthread-safety-beta -Wunreachable-code -Wloop-analysis -Wshadow-all
    -Wno-shadow-field-in-constructor)
endif()
if(PENSTOCK_WERROR)
  target_compile_options(penstock_warnings INTERFACE -Werror)
endif()
# Hardening that costs next to nothing; the fortified C library needs optimisation.
add_compile_options(-fstack-protector-strong -fcf-protection)
add_compile_definitions($<$<CONFIG:RelWithDebInfo>:_GLIBCXX_ASSERTIONS>)
if(CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo" AND NOT PENSTOCK_SANITIZE)
  set(PENSTOCK_FORTIFY 2 CACHE STRING "Level of the fortified C library: 2, or 3 where the compiler knows it")
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=${PENSTOCK_FORTIFY})
endif()
add_link_options(-Wl,-z,relro -Wl,-z,now)
# Position-independent executables, but not -fPIC: that keeps the compiler from inlining what is not static.
add_compile_options(-fPIE)
add_link_options("$<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>")
