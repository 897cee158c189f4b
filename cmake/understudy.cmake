# What every target of the project has in common, and the one shape of a layer's folder.
include(GoogleTest)

add_library(understudy_flags INTERFACE)
target_include_directories(understudy_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_options(understudy_flags INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
  -Wnon-virtual-dtor -Woverloaded-virtual -fno-omit-frame-pointer)
if(UNDERSTUDY_WERROR)
  target_compile_options(understudy_flags INTERFACE -Werror)
endif()
if(NOT UNDERSTUDY_TRACE_POINTS)
  target_compile_definitions(understudy_flags INTERFACE UNDERSTUDY_NO_TRACE_POINTS)
endif()
if(UNDERSTUDY_SANITIZE)
  target_compile_options(understudy_flags INTERFACE -fsanitize=${UNDERSTUDY_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(understudy_flags INTERFACE -fsanitize=${UNDERSTUDY_SANITIZE})
  if(UNDERSTUDY_SANITIZE MATCHES thread)
    # TSan does not understand Asio's memory fences; it understands Asio's locks, which order the same accesses.
    target_compile_definitions(understudy_flags INTERFACE BOOST_ASIO_DISABLE_FENCED_BLOCK)
  endif()
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # g++ 12 warns wrongly about coroutine frames and inlined standard containers under optimisation.
  target_compile_options(understudy_flags INTERFACE -Wno-maybe-uninitialized -Wno-array-bounds
    -Wno-stringop-overflow -Wno-stringop-overread -Wno-restrict -Wno-dangling-pointer)
else()
  target_compile_options(understudy_flags INTERFACE -Wno-sign-conversion)  # as in g++'s -Wconversion
endif()

# understudy_layer(NAME SOURCES ... TESTS ...): library understudy_NAME from SOURCES, process NAME from
# main.cpp, and NAME_test from TESTS. A layer links iomgr and nothing of another layer.
function(understudy_layer name)
  cmake_parse_arguments(ARG "" "" "SOURCES;TESTS;LIBS" ${ARGN})
  add_library(understudy_${name} STATIC ${ARG_SOURCES})
  target_link_libraries(understudy_${name} PUBLIC understudy_iomgr ${ARG_LIBS})
  if(EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/main.cpp)
    add_executable(${name} main.cpp)
    target_link_libraries(${name} PRIVATE understudy_${name} understudy_host)
  endif()
  if(ARG_TESTS)
    understudy_test(${name}_test SOURCES ${ARG_TESTS} LIBS understudy_${name})
  endif()
endfunction()

# understudy_test(NAME SOURCES ... LIBS ...): one GoogleTest program, its cases known to ctest one by one.
function(understudy_test name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LIBS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LIBS} GTest::gmock GTest::gtest_main)
  # A test's own code need not be fast, but it is half of what a build compiles.
  target_compile_options(${name} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O1>)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 120)
endfunction()
